"""The operations on deployments of the bot's own as REST requests: https://docs.github.com/en/rest/deployments"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from promotebot.github.answers import carries, is_by
from promotebot.github.checks import MAX_DESCRIPTION
from promotebot.github.ports import Deployment
from promotebot.github.rest import Rest, translated

_NEEDS = "deployments: write"


class DeploymentsClient:
    """The part of `promotebot.github.ports.GitHub` about deployments. A method raises CouldNotVerify unanswered."""

    _rest: Rest

    def deploy(
        self,
        *,
        sha: str,
        environment: str,
        task: str,
        description: str,
        payload: Mapping[str, Any],
        author_login: str,
        production: bool = False,
    ) -> Deployment:
        """Return the deployment by `author_login` that carries the payload's `event`, made where there is none."""
        wanted = {"event": payload["event"]}
        found = self.find_deployment(environment=environment, task=task, wanted=wanted, author_login=author_login)
        if found:
            return found
        body = {
            "ref": sha,
            "task": task,
            "environment": environment,
            "description": description[:MAX_DESCRIPTION],
            "payload": dict(payload),
            "auto_merge": False,
            "required_contexts": [],
            "production_environment": production,
        }
        purpose = f"record the deployment of {environment}"
        made = self._rest.request("POST", "/deployments", purpose=purpose, needs=_NEEDS, body=body)
        with translated(purpose):
            return Deployment(int(made["id"]), ())

    def find_deployment(
        self, *, environment: str, task: str, wanted: Mapping[str, Any], author_login: str
    ) -> Deployment | None:
        """Return the newest deployment by `author_login` whose payload has all that is wanted, or None."""
        for item in self._listed(environment, task, author_login):
            if carries(item, wanted):
                return Deployment(int(item["id"]), self._states(int(item["id"])))
        return None

    def retire_deployments(self, *, environment: str, task: str, before: int, author_login: str) -> None:
        """Mark what an environment held before a deployment as inactive, where it is still marked as a success.

        GitHub does so itself but for production environments:
        https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status
        """
        for item in self._listed(environment, task, author_login):
            number = int(item["id"])
            state = next(iter(self._states(number)), "") if number < before else ""
            if state == "success":
                self.publish_deployment_state(number, state="inactive", description="another one took its place")
            if state in ("success", "inactive"):
                return  # what is older was retired when this one came

    def publish_deployment_state(self, deployment_id: int, *, state: str, description: str) -> None:
        """Put a state on a deployment: https://docs.github.com/en/rest/deployments/statuses"""
        status = {"state": state, "description": description[:MAX_DESCRIPTION], "auto_inactive": True}
        purpose, path = f"record that a deployment is {state}", f"/deployments/{deployment_id}/statuses"
        self._rest.request("POST", path, purpose=purpose, needs=_NEEDS, body=status)

    def _listed(self, environment: str, task: str, author_login: str) -> Iterator[Mapping[str, Any]]:
        """Yield the deployments by this account, the newest first."""
        purpose, parameters = f"list the deployments of {environment}", {"environment": environment, "task": task}
        for item in self._rest.pages("/deployments", purpose=purpose, needs=_NEEDS, parameters=parameters):
            with translated(purpose):
                if is_by(item["creator"], author_login):
                    yield item

    def _states(self, deployment_id: int) -> tuple[str, ...]:
        path, purpose = f"/deployments/{deployment_id}/statuses", "list the states of a deployment"
        return tuple(self._rest.listed(lambda status: str(status["state"]), path, purpose=purpose, needs=_NEEDS))
