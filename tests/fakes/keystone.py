# SPDX-License-Identifier: Apache-2.0
"""Keystone in the process: users, grants, tokens that need a role in the project, a catalogue."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.http import Answer, Call, FakeService

SERVICE_PROJECT = "5e4c1ce0000000000000000000000000"
TRUSTEE_DOMAIN = "d0a1000000000000000000000000000a"


def error(status: int, words: str) -> Answer:
    return Answer(status, {"error": {"code": status, "message": words, "title": "x"}})


class FakeKeystone(FakeService):
    """:ivar grants: (project, user id, role name).

    :ivar ahead: how far its clock is ahead of ours.
    """

    url = "http://keystone.test"

    def __init__(self) -> None:
        super().__init__()
        self.catalog: dict[str, str] = {"identity": self.url}
        self.roles = {"member": "role-member", "admin": "role-admin"}
        self.projects = {SERVICE_PROJECT}
        self.domains = {TRUSTEE_DOMAIN: "magnum"}
        self.users: dict[str, dict] = {}
        self.ahead = timedelta()
        self.grants: set[tuple[str, str, str]] = set()
        self.tokens: dict[str, dict] = {}
        self.service_user = self.add_user("magnum", "default", "servicepass")
        self.grants.add((SERVICE_PROJECT, self.service_user, "admin"))
        self.domain_admin = self.add_user("admin-of-nodes", TRUSTEE_DOMAIN, "domainpass")
        assignment = r"/v3/projects/([^/]+)/users/([^/]+)/roles/([^/]+)"
        self.routes = [
            ("GET", r"/v3/?|/", self._versions),
            ("POST", r"/v3/auth/tokens", self._log_in),
            ("GET", r"/v3/auth/tokens", self._describe),
            ("GET", r"/v3/roles", self._list_roles),
            ("PUT", assignment, self._grant),
            ("HEAD", assignment, self._has_role),
            ("DELETE", assignment, self._revoke),
            ("GET", r"/v3/domains", self._list_domains),
            ("POST", r"/v3/domains", self._create_domain),
            ("GET", r"/v3/users", self._list_users),
            ("POST", r"/v3/users", self._create_user),
            ("PATCH", r"/v3/users/([^/]+)", self._update_user),
            ("DELETE", r"/v3/users/([^/]+)", self._delete_user),
        ]

    def add_user(self, name: str, domain_id: str, password: str) -> str:
        user_id = uuid.uuid4().hex
        user = {"id": user_id, "name": name, "domain_id": domain_id, "password": password}
        self.users[user_id] = user
        return user_id

    def add_project(self) -> str:
        project_id = uuid.uuid4().hex
        self.projects.add(project_id)
        return project_id

    def issue(self, user_id: str, project_id: str | None, domain_id: str | None = None) -> str:
        """Make a token of a user; its body is what the token middleware would be told."""
        token = f"gAAAA{uuid.uuid4().hex}"
        user = self.users[user_id]
        body: dict[str, Any] = {
            "user": {"id": user_id, "name": user["name"], "domain": {"id": user["domain_id"]}},
            "methods": ["password"],
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "issued_at": f"{datetime.now(UTC).replace(tzinfo=None) + self.ahead}Z",
        }
        if project_id:
            names = {grant[2] for grant in self.grants if grant[:2] == (project_id, user_id)}
            body["roles"] = [{"id": self.roles[name], "name": name} for name in sorted(names)]
            body["project"] = {"id": project_id, "name": "p", "domain": {"id": "default"}}
            body["catalog"] = [self._service(*entry, project_id) for entry in self.catalog.items()]
        if domain_id:
            body["domain"] = {"id": domain_id, "name": "magnum"}
            body["catalog"] = [self._service("identity", self.catalog["identity"], "")]
        self.tokens[token] = {"token": body}
        return token

    def _service(self, kind: str, url: str, project_id: str) -> dict:
        url = url.replace("%(project_id)s", project_id)
        endpoints = [
            {"id": i, "interface": i, "region": "R", "region_id": "R", "url": url}
            for i in ("public", "internal", "admin")
        ]
        return {"id": kind, "type": kind, "name": kind, "endpoints": endpoints}

    def _versions(self, call: Call):
        links = [{"rel": "self", "href": f"{self.url}/v3/"}]
        version = {"id": "v3.14", "status": "stable", "links": links, "media-types": []}
        if call.path.startswith("/v3"):
            return {"version": version}
        return Answer(300, {"versions": {"values": [version]}})

    def _log_in(self, call: Call):
        auth = call.body["auth"]
        asked = auth["identity"]["password"]["user"]
        known = [
            user
            for user in self.users.values()
            if asked.get("id", user["id"]) == user["id"]
            and asked.get("name", user["name"]) == user["name"]
            and asked["password"] == user["password"]
        ]
        if not known:
            return error(401, "The request you have made requires authentication.")
        scope, user_id = auth.get("scope", {}), known[0]["id"]
        project = scope.get("project", {}).get("id")
        if "name" in scope.get("project", {}):
            project = SERVICE_PROJECT
        if project and not any(grant[:2] == (project, user_id) for grant in self.grants):
            return error(401, "The user has no access to the project.")
        domain = scope.get("domain", {})
        domain_id = domain.get("id") or (TRUSTEE_DOMAIN if "name" in domain else None)
        token = self.issue(user_id, project, domain_id)
        return Answer(201, self.tokens[token], {"X-Subject-Token": token})

    def _describe(self, call: Call):
        known = self.tokens.get(call.headers["X-Subject-Token"])
        return known or error(404, "Could not recognize Fernet token")

    def _list_roles(self, call: Call):
        name = call.one("name")
        return {"roles": [{"id": i, "name": n} for n, i in self.roles.items() if n == name]}

    def _role(self, role_id: str) -> str:
        return next(name for name, known in self.roles.items() if known == role_id)

    def _grant(self, call: Call, project: str, user: str, role: str):
        if project not in self.projects:
            return error(404, f"Could not find project: {project}.")
        if role not in self.roles.values():
            return error(404, f"Could not find role: {role}.")
        self.grants.add((project, user, self._role(role)))
        return Answer(204)

    def _has_role(self, call: Call, project: str, user: str, role: str):
        there = (project, user, self._role(role)) in self.grants
        return Answer(204 if there else 404)

    def _revoke(self, call: Call, project: str, user: str, role: str):
        grant = (project, user, self._role(role))
        if grant not in self.grants:
            return error(404, "Could not find role assignment.")
        self.grants.remove(grant)
        return Answer(204)

    def _list_domains(self, call: Call):
        name = call.one("name")
        return {"domains": [{"id": i, "name": n} for i, n in self.domains.items() if n == name]}

    def _create_domain(self, call: Call):
        name = call.body["domain"]["name"]
        if name in self.domains.values():
            return error(409, "Conflict occurred attempting to store domain.")
        domain_id = uuid.uuid4().hex
        self.domains[domain_id] = name
        return Answer(201, {"domain": {"id": domain_id, "name": name}})

    def _list_users(self, call: Call):
        name, domain = call.one("name"), call.one("domain_id")
        found = [u for u in self.users.values() if (u["name"], u["domain_id"]) == (name, domain)]
        return {"users": found}

    def _create_user(self, call: Call):
        asked = call.body["user"]
        if asked["domain_id"] not in self.domains:
            return error(404, f"Could not find domain: {asked['domain_id']}.")
        if any(u["name"] == asked["name"] for u in self.users.values()):
            return error(409, "Conflict occurred attempting to store user.")
        user_id = self.add_user(asked["name"], asked["domain_id"], asked["password"])
        self.users[user_id].update(asked)
        return Answer(201, {"user": {"id": user_id}})

    def _update_user(self, call: Call, user_id: str):
        self.users[user_id].update(call.body["user"])
        return {"user": {"id": user_id}}

    def _delete_user(self, call: Call, user_id: str):
        if self.users.pop(user_id, None) is None:
            return error(404, "Could not find user.")
        return Answer(204)
