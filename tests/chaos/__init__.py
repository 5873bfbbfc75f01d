"""The bot is killed again and again while people ask for pictures: nothing may get lost, or come twice."""
