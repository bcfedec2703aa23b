"""Makes ``python -m taskmanager`` run the command ``taskmanager``."""

from taskmanager.cli import main

if __name__ == "__main__":
    main()
