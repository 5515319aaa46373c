"""A SAMP hub in this process, and programs at it that open the tables that they are sent."""

import contextlib
from urllib.parse import urlparse
from urllib.request import url2pathname

from astropy.table import Table

from keras_astroattn.tables.samp import LOAD, _samp

samp = _samp()


class Program:
    """A program at the hub that loads each table it is sent."""

    def __init__(self, name, takes=LOAD, error=None):
        self.client = samp.SAMPIntegratedClient(name, addr="127.0.0.1")
        self.client.connect()
        self.tables, self.names, self.error = [], [], error
        self.client.bind_receive_call(takes, self._load)

    def _load(self, private_key, sender_id, msg_id, mtype, params, extra):
        if self.error is not None:
            self.client.ereply(msg_id, "samp.error", error={"samp.errortxt": self.error})
            return
        # Before the answer: the sender may then delete the file.
        path = url2pathname(urlparse(params["url"]).path)
        self.tables.append(Table.read(path, format="votable"))
        self.names.append(params["name"])
        self.client.ereply(msg_id, "samp.ok", result={})


class EarlyReplies(dict):
    """Replies by the number of their message, also those that come before the hub waits for them.

    The hub notes that it waits after it has passed the message on, and forgets a reply that was
    faster; the sender then waits until its time is over.
    """

    class Every:
        def __contains__(self, number):
            return True

    def keys(self):
        return self.Every()

    def __setitem__(self, number, reply):
        if reply is not None or number not in self:
            super().__setitem__(number, reply)


@contextlib.contextmanager
def running_hub(lock_file):
    """A hub; calling what it yields connects a program to it."""
    with samp.conf.set_temp("use_internet", False):
        server = samp.SAMPHubServer(web_profile=False, lockfile=str(lock_file), addr="127.0.0.1")
        server._sync_msg_ids_heap = EarlyReplies()
        server.start()
        programs = []
        yield lambda *given, **options: programs.append(Program(*given, **options)) or programs[-1]
        for program in programs:
            program.client.disconnect()
        server.stop()
