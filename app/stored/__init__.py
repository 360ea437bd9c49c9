"""A dataset's table as it lies on the disk: its parts, its reader, and how two versions of it differ.

Nobody else knows of the files: the server shows rows and searches them through this, the doctor looks through it, and
the worker trains through it.
"""
