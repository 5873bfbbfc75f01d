"""Makes pictures with torch and diffusers. Knows no Discord and no SQLite.

Importing this package imports no torch; its modules do.
"""

import os

# At import, transformers warns that torchvision is missing, which nothing here needs.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
