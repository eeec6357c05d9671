"""The course: exercises that are checked as you save them, in plain .py files of your own."""


class NotWritten(NotImplementedError):
    """Raised by a function that has not been written yet; starter files hold `raise NotWritten("its_name")`."""
