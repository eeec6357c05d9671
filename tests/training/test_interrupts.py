"""Ctrl-C waits for the end of the block, once."""

import signal
import threading

import pytest

from nnscratch.training.interrupts import deferred_interrupt


def press():
    signal.raise_signal(signal.SIGINT)


def test_the_first_press_waits_and_the_second_does_not():
    did = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupt(lambda: did.append("stop")):
        press()
        did.append("step complete")
    assert did == ["stop", "step complete"]
    with pytest.raises(KeyboardInterrupt), deferred_interrupt(lambda: did.append("stop again")):
        press()
        press()
        did.append("never")
    assert did[2:] == ["stop again"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_inside_comes_through():
    with pytest.raises(ZeroDivisionError), deferred_interrupt(lambda: None):
        press()
        _ = 1 / 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_handlers_and_threads_are_left_alone():
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        with deferred_interrupt(lambda: pressed.append("ours")):
            press()
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed == [True]

    def in_thread():
        with deferred_interrupt(lambda: None):
            pressed.append("thread")

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    assert pressed == [True, "thread"]
