"""Which of KuCoin's bands each account is in, told when it changes.

Rising into a worse band is told at once; falling back only when the ratio is well
inside the better one, so that a ratio that plays around a limit is not told each
time. It sends nothing and reads no clock.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from bot.report import figures
from bot.report.wording import ratio_word, subject_title
from bot.risk.bands import Band, settled_band
from bot.risk.measure import SubjectMeasure

__all__ = ["BandWatch"]

_CONSEQUENCES: Final = {
    Band.LOW: "",
    Band.MEDIUM: " Transfers out are blocked.",
    Band.HIGH: "",
}
"""What KuCoin does to a margin account in a band."""


class BandWatch:
    """Remembers the band of each account; an account that is new begins low."""

    def __init__(self) -> None:
        self._bands: dict[str, Band] = {}

    def see(self, measures: Iterable[SubjectMeasure]) -> Iterator[tuple[Band, str]]:
        """The accounts whose band is another now, with the sentence for a person.

        Args:
            measures: Of one moment; an account that is absent owes nothing now, one
                whose ratio is unknown stays where it was.
        """
        found = {measure.subject: measure for measure in measures}
        if not found:
            return
        for gone in self._bands.keys() - found.keys():
            del self._bands[gone]
        for subject, measure in found.items():
            before = self._bands.get(subject, Band.LOW)
            band = settled_band(before, measure.ratio)
            self._bands[subject] = band
            if band is not before:
                yield band, _sentence(measure, band)


def _sentence(measure: SubjectMeasure, band: Band) -> str:
    subject = measure.subject
    name, word = subject_title(subject).capitalize(), ratio_word(subject)
    then = "" if measure.is_futures else _CONSEQUENCES[band]
    return f"{name} is at {band.words}: {word} {figures.ratio(measure.ratio)}.{then}"
