"""``python -m dance2music``: the command line."""

from dance2music.entry import main

if __name__ == "__main__":
    main()
