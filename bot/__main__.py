"""``python -m bot``: the same as the ``gnomon`` command."""

from bot.cli import main

if __name__ == "__main__":
    main()
