"""What the gateway listens with: a bound socket, and the context of TLS where files for it are set.

The gateway opens its entrances with both. What can't be had is a SettingError that names the setting, so that a
gateway which can't listen ends in one line.
"""

import socket
import ssl

from gateway.ws.options import WsOptions
from schemas.errors import SettingError

__all__ = ["listening_socket", "tls_context"]


def listening_socket(options: WsOptions) -> socket.socket:
    """Bound, not listening yet. Raises SettingError for an address that can't be had."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # What is accepted inherits it; else a message would wait in the kernel until the client has confirmed the last one.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if options.reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.setblocking(False)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        where = f"{options.host}:{options.port}"
        raise SettingError(
            f"can't listen: {error.strerror}", where=where, mend="set another TAPEFLOW_GATEWAY_PORT"
        ) from None
    return listener


def tls_context(options: WsOptions) -> ssl.SSLContext | None:
    if not options.tls_cert and not options.tls_key:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(
            f"TLS files can't be used: {error}", where=options.tls_cert or "TAPEFLOW_GATEWAY_TLS_CERT"
        ) from None
    return context
