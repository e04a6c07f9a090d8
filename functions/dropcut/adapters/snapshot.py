"""Reads gate, health and jobs at once, before a batch of the cut queue begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dropcut.adapters.gate_record import read_gate
from dropcut.adapters.job_records import JobState, job_item_id, job_state
from dropcut.adapters.key_records import health_id, read_health
from dropcut.adapters.state_table import StateTable
from dropcut.core.blame import Health
from dropcut.core.gate import Gate
from dropcut.core.item_kinds import GATE
from dropcut.core.messages import Upload


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    gate: Gate
    health: Health
    jobs: Mapping[str, JobState]
    """By job id."""


@dataclass(frozen=True, kw_only=True)
class Snapshots:
    table: StateTable

    def read(self, fingerprint: str, uploads: Sequence[Upload]) -> Snapshot:
        """The newest state of all of them. `fingerprint` is the key's; empty without a key."""
        health, jobs = health_id(fingerprint), [(job_item_id(upload), upload) for upload in uploads]
        items = self.table.get_many([GATE, health, *(item_id for item_id, _upload in jobs)])
        return Snapshot(
            gate=read_gate(items.get(GATE)),
            health=read_health(items.get(health)),
            jobs={upload.job_id: job_state(items.get(item_id), upload) for item_id, upload in jobs},
        )
