"""This machine's zone as a tzinfo, both DST changes included. `datetime.astimezone()` alone fixes today's offset."""

from datetime import UTC, datetime, timedelta, tzinfo


class LocalZone(tzinfo):
    """Asks the C library for each moment, so TZ and /etc/localtime count as they do for every other program."""

    def utcoffset(self, dt: datetime | None, /) -> timedelta:
        """See `tzinfo`; `fold` tells the two readings of an hour that comes twice."""
        moment = datetime.now() if dt is None else dt.replace(tzinfo=None)
        seconds = moment.timestamp()
        return moment - datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)

    def dst(self, dt: datetime | None, /) -> None:
        """Not told."""
        del dt

    def tzname(self, dt: datetime | None, /) -> str:
        """The zone's abbreviation."""
        moment = datetime.now() if dt is None else dt.replace(tzinfo=None)
        return moment.astimezone().tzname() or ""

    def fromutc(self, dt: datetime, /) -> datetime:
        """See `tzinfo`."""
        local = datetime.fromtimestamp(dt.replace(tzinfo=UTC).timestamp())
        return local.replace(tzinfo=self)


LOCAL = LocalZone()


def now() -> datetime:
    """This moment, aware."""
    return datetime.now(LOCAL)
