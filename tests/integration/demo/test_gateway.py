"""The demo's gateway where another one is quicker, as with two demos that start at the same moment."""

import tempfile

from demo.gateway import DemoGateway
from local.ports import free_port
from processes.gateway_processes import GatewayProcesses, listens
from runtime.settings.whole import Settings


def test_a_gateway_that_lost_its_ports_takes_others_and_never_follows_the_other_one(redis_url: str) -> None:
    settings = Settings(redis_url=redis_url, gateway_port=free_port())
    with tempfile.TemporaryFile() as log:
        ours, quicker = DemoGateway(settings, log), GatewayProcesses(settings, log=log)
        try:
            assert ours.processes.addresses == quicker.addresses, "both saw free ports"
            quicker.start()
            quicker.wait_ready()
            ours.start()
            ours.follow()
            assert ours.processes.addresses.websocket != quicker.addresses.websocket
            assert ours.processes.addresses.rest != quicker.addresses.rest
            assert ours.processes.poll() is None
            port = int(ours.processes.addresses.websocket.rpartition(":")[2])
            assert listens(ours.processes.pids[0], port)
            assert not listens(quicker.pids[0], port)
            assert quicker.poll() is None
            assert ours.stop() == 0
        finally:
            ours.kill()
            quicker.kill()
