"""libopendkim, which verifies for Postfix and Sendmail: another judge of signatures. It comes with opendkim-tools."""

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROGRAM = "opendkim-testmsg"  # of the package that brings the library
_LIBRARY = "libopendkim.so.11"

# From opendkim's dkim.h.
_STAT_OK = 0
_SETOPT = 1
_QUERY_METHOD, _QUERY_INFO, _FIXED_TIME = 6, 7, 8
_QUERY_FILE = 1
_FLAG_PASSED = 0x04
_BODY_HASH_MATCHES = 0


class OpenDkim:
    """
    Verifies mails by keys in a file.

    Args:
        keys: A file of ours for the records.
        dns: Name without a final dot -> text of the TXT record.
        now: Unix seconds.
    """

    def __init__(self, keys: Path, dns: Mapping[str, str], *, now: int) -> None:
        keys.write_text("".join(f"{name} {text}\n" for name, text in dns.items()))
        self._lib = _declared(ctypes.CDLL(_LIBRARY))
        self._handle = self._lib.dkim_init(None, None)
        self._set(_QUERY_METHOD, ctypes.c_int(_QUERY_FILE))
        self._set(_QUERY_INFO, ctypes.create_string_buffer(bytes(keys)))
        self._set(_FIXED_TIME, ctypes.c_uint64(now))

    def _set(self, option: int, value: Any) -> None:
        size = ctypes.sizeof(value)
        assert self._lib.dkim_options(self._handle, _SETOPT, option, ctypes.byref(value), size) == _STAT_OK

    def verify(self, mail: bytes) -> list[str]:
        """Say of each signature, from the top: "" when it is good, else what is wrong."""
        stat = ctypes.c_int()
        dkim = self._lib.dkim_verify(self._handle, b"test", None, ctypes.byref(stat))
        try:
            for start in range(0, len(mail), 65_536):
                piece = mail[start : start + 65_536]
                if (fault := self._lib.dkim_chunk(dkim, piece, len(piece))) != _STAT_OK:
                    return [f"status {fault} for a piece"]
            self._lib.dkim_chunk(dkim, None, 0)
            self._lib.dkim_eom(dkim, None)
            signatures = ctypes.POINTER(ctypes.c_void_p)()
            count = ctypes.c_int()
            if self._lib.dkim_getsiglist(dkim, ctypes.byref(signatures), ctypes.byref(count)) != _STAT_OK:
                return ["no signatures"]
            return [self._fault(dkim, signatures[place]) for place in range(count.value)]
        finally:
            self._lib.dkim_free(dkim)

    def _fault(self, dkim: int, signature: int | None) -> str:
        self._lib.dkim_sig_process(dkim, signature)
        passed = self._lib.dkim_sig_getflags(signature) & _FLAG_PASSED
        if passed and self._lib.dkim_sig_getbh(signature) == _BODY_HASH_MATCHES:
            return ""
        error = self._lib.dkim_sig_geterror(signature)
        return (self._lib.dkim_sig_geterrorstr(error) or b"no reason").decode() or "the body is another one"


def _declared(lib: Any) -> Any:
    pointer = ctypes.c_void_p
    lib.dkim_init.restype = pointer
    lib.dkim_init.argtypes = [pointer, pointer]
    lib.dkim_options.argtypes = [pointer, ctypes.c_int, ctypes.c_int, pointer, ctypes.c_size_t]
    lib.dkim_verify.restype = pointer
    lib.dkim_verify.argtypes = [pointer, ctypes.c_char_p, pointer, pointer]
    lib.dkim_chunk.argtypes = [pointer, ctypes.c_char_p, ctypes.c_size_t]
    lib.dkim_eom.argtypes = [pointer, pointer]
    lib.dkim_getsiglist.argtypes = [pointer, pointer, pointer]
    lib.dkim_sig_process.argtypes = [pointer, pointer]
    lib.dkim_sig_getflags.argtypes = [pointer]
    lib.dkim_sig_getflags.restype = ctypes.c_uint
    lib.dkim_sig_getbh.argtypes = [pointer]
    lib.dkim_sig_geterror.argtypes = [pointer]
    lib.dkim_sig_geterrorstr.argtypes = [ctypes.c_int]
    lib.dkim_sig_geterrorstr.restype = ctypes.c_char_p
    lib.dkim_free.argtypes = [pointer]
    return lib
