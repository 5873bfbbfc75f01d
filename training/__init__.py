"""How the starter model was made: `make train-starter`, or the stages one by one (see README.md here)."""
