"""Installations as the doctor sees them."""

from importlib import metadata

from mmkd_logit.doctor.stacks import CLASSIC, MODERN

GOOD_MODERN = dict(pin.split('==') for pin in MODERN.values())
GOOD_MODERN.update(numpy='2.2.6', setuptools='84.2.1')
GOOD_CLASSIC = dict(pin.split('==') for pin in CLASSIC.values())
GOOD_CLASSIC.update(numpy='1.26.4', setuptools='69.5.1')


def pretend(monkeypatch, versions):
    """Let ``importlib.metadata`` know ``versions`` and nothing else."""

    def version(name):
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, 'version', version)
