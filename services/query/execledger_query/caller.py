"""Who asks, and what that lets them see. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """A word of a token's `roles`."""

    OWNER = "owner"
    READER = "reader"
    SERVICE = "service"
    ADMIN = "admin"
    PAYLOADS = "payloads"


class Sees(StrEnum):
    """How far somebody sees. Each is a database role, `execledger_` and its name, with policies of its own."""

    OWNER = "owner"
    TENANT = "tenant"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whom a token vouches for."""

    subject: str
    tenant: str
    roles: frozenset[Role] = frozenset()
    expires_at: float | None = field(default=None, compare=False)
    """When the token ends, in seconds since the epoch; None where there is none."""

    @property
    def person(self) -> tuple[str, str]:
        """Whose share of what may be asked it is."""
        return self.tenant, self.subject

    @property
    def sees(self) -> Sees:
        """The widest view that the roles give; their own executions when they give none."""
        if Role.ADMIN in self.roles:
            return Sees.ADMIN
        if self.roles & {Role.READER, Role.SERVICE}:
            return Sees.TENANT
        return Sees.OWNER

    @property
    def may_read_all_payloads(self) -> bool:
        """Whether whatever they may see is shown to them whole."""
        return Role.PAYLOADS in self.roles

    def likeness(self, *, with_payloads: bool) -> "Caller":
        """Somebody who sees exactly the same, equal for all of whom that is so."""
        if with_payloads and not self.may_read_all_payloads:
            return self
        payloads = self.roles & {Role.PAYLOADS} if with_payloads else frozenset()
        match self.sees:
            case Sees.ADMIN:
                return Caller("", "", payloads | {Role.ADMIN})
            case Sees.TENANT:
                return Caller("", self.tenant, payloads | {Role.READER})
            case Sees.OWNER:
                return Caller(self.subject, self.tenant, payloads)

    def may_read_payloads(self, tenant_id: str, owner_id: str | None) -> bool:
        """Whether inputs, outputs and stacks of this owner's executions may be shown to them."""
        return self.may_read_all_payloads or (tenant_id, owner_id) == (self.tenant, self.subject)


ANONYMOUS = Caller("anonymous", "default", frozenset({Role.READER}))
NOBODY = Caller("", "")  # reads what belongs to no tenant: the ledger's positions
EVERYTHING = Caller("", "", frozenset({Role.ADMIN, Role.PAYLOADS}))  # our own figures and the command line
