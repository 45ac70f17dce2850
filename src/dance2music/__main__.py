"""``python -m dance2music``: the command line."""

from dance2music.cli.main import main

if __name__ == "__main__":
    main()
