# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Who has answered, as the pure-Python package tells it: ({address: seconds}, [address]).

A dict holds an address once. So equal addresses are one here: it has the first time that any of them got, and is missing only
while none has. A name without address is missing by its name."""

from typing import Dict, List, Tuple

from multiping._session import Session
from multiping.errors import MultiPingDeniedError, MultiPingHelperLostError
from multiping.results import Outcome


class Answers:
    """Of the targets that a session has by now, whose names were all looked up."""

    def __init__(self, session: Session) -> None:
        addresses = session.addresses
        self._session = session
        self.open = {target: None for target, address in enumerate(addresses) if address is not None}  # without reply
        self.missing = {addresses[target]: None for target in self.open}
        self._nameless = dict.fromkeys(name for name, address in zip(session.names, addresses) if address is None)
        self._n_pingable = len(self.open)
        self._untold: Dict[str, float] = {}

    @property
    def is_complete(self) -> bool:
        return not (self.open or self._nameless)

    def take(self, target: int, seconds: float) -> None:
        """The reply of a target; another one counts for nothing."""
        self.open.pop(target, None)
        address = self._session.addresses[target]
        if address in self.missing:
            del self.missing[address]
            self._untold[address] = seconds

    def check(self) -> None:
        """Whoever is open is so because of the network, and not because the helper is gone or refused them all."""
        n_denied = 0
        for target in self.open:
            known = self._session.get(target)
            if known.outcome == Outcome.HELPER_LOST:
                raise MultiPingHelperLostError(known.error, self._session.message(), self.tell()[0])
            n_denied += known.outcome == Outcome.DENIED
        if n_denied == self._n_pingable > 0:
            raise MultiPingDeniedError(known.error, self._session.message())

    def tell(self) -> Tuple[Dict[str, float], List[str]]:
        """Those that have answered since the last time, and those that never have."""
        responses, self._untold = self._untold, {}
        return responses, [*self.missing, *self._nameless]
