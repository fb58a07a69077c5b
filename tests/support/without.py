"""Run the command `streaminstr` as if some modules were not installed.

python without.py django,uvicorn demo --keep
"""

import sys

from streaminstr.__main__ import main

sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))  # an import of None fails
sys.exit(main(sys.argv[2:]))
