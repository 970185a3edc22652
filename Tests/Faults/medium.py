"""A disk that can lose power: what was not synced is gone (see dropsync/dropsync.c)."""

import pathlib
import shutil
import struct
import uuid

HERE = pathlib.Path(__file__).resolve().parent
PAGE = 4096
COUNTERS = ("writes", "written_bytes", "syncs", "folder_syncs", "synced_bytes", "opens", "removals",
            "failures")
# What a disk can be asked to do from now on.
FAILURES = ("sound", "bad writes", "half writes", "bad syncs", "full")


class Medium:
    """The folder of a program and what of it is on the medium.

    The program is started with `environment()`; while it does not run, `cut_power` puts the folder
    into the state in which a power cut leaves it.
    """

    def __init__(self, scratch, folder, delay_us=3000):
        self.folder = pathlib.Path(folder)
        self.shadow = self.folder.with_name(self.folder.name + ".medium")
        self.counters_file = self.folder.with_name(self.folder.name + ".counters")
        self.boot_file = self.folder.with_name(self.folder.name + ".boot")
        self.library = self.folder.with_name("dropsync.so")
        self.delay_us = delay_us
        for path in (self.folder, self.shadow):
            path.mkdir(mode=0o700)
        scratch.run(
            ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-format-truncation", "-fPIC",
             "-shared", "-o", self.library, HERE / "dropsync/dropsync.c", "-ldl", "-lpthread"])
        self.restart_host()

    def environment(self):
        return {
            "LD_PRELOAD": str(self.library), "DROPSYNC_FOLDER": str(self.folder),
            "DROPSYNC_MEDIUM": str(self.shadow), "DROPSYNC_COUNTERS": str(self.counters_file),
            "DROPSYNC_BOOT_ID": str(self.boot_file), "DROPSYNC_DELAY_US": str(self.delay_us)}

    def counters(self):
        """Of all runs since the counters began."""
        return dict(zip(COUNTERS, struct.unpack_from("8Q", self.counters_file.read_bytes())))

    def fail(self, how):
        """From now on the disk is as one of `FAILURES` says."""
        with open(self.counters_file, "r+b") as file:
            file.seek(8 * len(COUNTERS))
            file.write(struct.pack("Q", FAILURES.index(how)))

    def restart_host(self):
        self.boot_file.write_text(f"{uuid.uuid4()}\n")

    def cut_power(self, torn=None):
        """Leaves what is on the medium, and gives how many bytes of segments are gone.

        With a random generator as `torn`, pages that were not synced are on the medium or not, as
        it says: a disk may write what nobody has asked it to.
        """
        lost = 0
        for path in self.shadow.glob(".unnamed.*"):
            path.unlink()
        for path in sorted(self.folder.iterdir()):
            kept = self.shadow / path.name
            real = path.read_bytes()
            counts = path.suffix == ".log"
            if not kept.exists():
                lost += len(real) * counts
                continue
            synced = kept.read_bytes()
            if torn is not None and real != synced:
                synced = tear(real, synced, torn)
                kept.write_bytes(synced)
            lost += max(0, len(real) - len(synced)) * counts
        shutil.rmtree(self.folder)
        shutil.copytree(self.shadow, self.folder)
        self.folder.chmod(0o700)
        self.restart_host()
        return lost

    def keep(self):
        """Notes that everything in the folder is on the medium: the program ended, the host did not."""
        shutil.rmtree(self.shadow)
        shutil.copytree(self.folder, self.shadow)
        self.shadow.chmod(0o700)


def tear(real, synced, generator):
    """Some of the pages of `real` over `synced`, and a size between the two."""
    size = generator.randint(min(len(real), len(synced)), max(len(real), len(synced)))
    pages = []
    for start in range(0, size, PAGE):
        new, old = real[start:start + PAGE], synced[start:start + PAGE]
        page = new if new == old or generator.random() < 0.5 else old
        pages.append(page[:PAGE].ljust(PAGE, b"\0"))
    return b"".join(pages)[:size]


