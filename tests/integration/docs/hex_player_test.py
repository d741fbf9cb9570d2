"""The player of examples must itself be able to fail: one test per way an example and a server can differ."""

import socket
import threading
import unittest

from hex_player import ExampleError, parse_blocks, play

PONG = bytes.fromhex("00 00000004 504f4e47")


def page(*lines: str, info: str = "hex") -> str:
    return "\n".join(["# A page", "", f"```{info}", *lines, "```", ""])


class ScriptedPeer:
    """Answers the whole frames it reads with the given replies, one each; then closes when the player has finished."""

    def __init__(self, *replies: bytes) -> None:
        self._replies = replies
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    def connect(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        self._sockets.append(ours)
        self._threads.append(threading.Thread(target=self._serve, args=(ours,)))
        self._threads[-1].start()
        return theirs

    def _serve(self, connection: socket.socket) -> None:
        received = b""
        replies = list(self._replies)
        while part := connection.recv(4096):
            received += part
            while len(received) >= 5 and len(received) >= 5 + int.from_bytes(received[1:5], "big"):
                received = received[5 + int.from_bytes(received[1:5], "big") :]
                if replies:
                    connection.sendall(replies.pop(0))
        connection.close()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()
        for connection in self._sockets:
            connection.close()


class PlayerTest(unittest.TestCase):
    def play(self, text: str, *replies: bytes, deadline_s: float = 10) -> None:
        peer = ScriptedPeer(*replies)
        try:
            play(parse_blocks(text), peer.connect, deadline_s)
        finally:
            peer.join()

    def assert_fails(self, text: str, *replies: bytes, saying: str, deadline_s: float = 10) -> None:
        with self.assertRaisesRegex(ExampleError, saying):
            self.play(text, *replies, deadline_s=deadline_s)

    def test_the_right_reply_passes(self) -> None:
        self.play(page("# PING", "> 08 00000000", "< 00 00000004 504f4e47"), PONG)

    def test_a_wrong_byte_fails_with_its_line(self) -> None:
        self.assert_fails(page("> 08 00000000", "< 00 00000004 504f4e48"), PONG, saying="line 5: expected")

    def test_a_wrong_status_fails(self) -> None:
        self.assert_fails(page("> 08 00000000", "< 01 00000004 504f4e47"), PONG, saying="expected")

    def test_a_reply_that_is_longer_than_the_example_fails(self) -> None:
        self.assert_fails(page("> 08 00000000", "< 00 00000004 504f4e"), PONG, saying="expected")

    def test_a_reply_that_is_shorter_than_the_example_fails(self) -> None:
        self.assert_fails(page("> 08 00000000", "< 00 00000004 504f4e4700"), PONG, saying="expected")

    def test_question_marks_match_any_byte_but_only_there(self) -> None:
        self.play(page("> 08 00000000", "< 00 ???????? 50??4e47"), PONG)
        self.assert_fails(page("> 08 00000000", "< 00 ???????? 51??4e47"), PONG, saying="expected")

    def test_two_points_match_any_rest_but_not_what_stands_before(self) -> None:
        self.play(page("> 08 00000000", "< 00 ???????? 50 .."), PONG)
        self.play(page("> 08 00000000", "< 00 00000004 504f4e47 .."), PONG)
        self.assert_fails(page("> 08 00000000", "< 00 ???????? 51 .."), PONG, saying="expected")
        self.assert_fails(page("> 08 00000000", "< 00 ???????? 504f4e4747 .."), PONG, saying="expected")

    def test_an_indented_line_goes_on_with_the_line_above(self) -> None:
        self.play(page("> 08", "  00000000", "< 00 00000004", "  504f4e47"), PONG)

    def test_blocks_share_a_connection_and_requests_are_pipelined(self) -> None:
        lines = ("> 08 00000000", "> 08 00000000", "< 00 00000004 504f4e47", "< 01 00000000")
        text = page(*lines) + page("> 08 00000000", "< 02 00000000")
        self.play(text, PONG, bytes.fromhex("0100000000"), bytes.fromhex("0200000000"))

    def test_a_block_marked_alone_has_its_own_connection(self) -> None:
        example = ("> 08 00000000", "< 00 00000004 504f4e47")
        self.play(page(*example) + page(*example, info="hex alone"), PONG)

    def test_a_missing_reply_fails(self) -> None:
        self.assert_fails(page("> 08 00000000", "< 00 00000000"), saying="no more bytes", deadline_s=0.2)

    def test_a_reply_cut_short_fails(self) -> None:
        cut = bytes.fromhex("0000000001")
        self.assert_fails(page("> 08 00000000", "< 00 00000001 00"), cut, saying="no more bytes", deadline_s=0.2)

    def test_a_surplus_reply_fails(self) -> None:
        self.assert_fails(page("> 08 00000000", "< 00 00000004 504f4e47"), PONG + PONG, saying="nobody expects")

    def test_a_connection_that_stays_open_at_its_end_fails(self) -> None:
        ours, theirs = socket.socketpair()
        with ours, self.assertRaisesRegex(ExampleError, "doesn't close"):
            ours.sendall(PONG)  # so that only its end is waited for
            play(parse_blocks(page("> 08 00000000", "< 00 00000004 504f4e47")), lambda: theirs, deadline_s=0.2)

    def test_other_fences_are_not_played(self) -> None:
        self.assertEqual(parse_blocks(page("> 08 00000000", "< 00", info="text")), [])

    def test_what_is_not_hex_is_refused(self) -> None:
        for lines in (("> 0g", "< 00"), ("> 08 ??", "< 00"), ("> 08 0", "< 00"), ("> 08", "< .. 00"), ("hello",),
                      ("> 08",), ("< 00",), ("< 00", "> 08"), ("  08", "< 00"), ("> 08", "<")):
            with self.subTest(lines=lines), self.assertRaises(ExampleError):
                parse_blocks(page(*lines))


if __name__ == "__main__":
    unittest.main()
