"""`python -m worker`. Deliberately nothing else: multiprocessing runs the main module again in each child."""

from worker.supervisor import main

if __name__ == "__main__":
    main()
