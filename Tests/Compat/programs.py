"""Runs a client program and keeps what it printed."""

import subprocess


def run(side, *arguments, stdin="", seconds=60, **environment):
    """Exit code, standard output and standard error."""
    done = subprocess.run(
        [str(argument) for argument in arguments], input=stdin.encode(), cwd=side.folder,
        env=side.environment(**environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=seconds)
    return {
        "exit": done.returncode, "out": done.stdout.decode(errors="backslashreplace"),
        "err": done.stderr.decode(errors="backslashreplace")}


def version(*arguments):
    return subprocess.run(
        arguments, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[2]
