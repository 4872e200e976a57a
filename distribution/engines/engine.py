"""A Docker engine that answers, and what is done with it through the docker command: builds, and compose projects.

BuildKit cannot be reached through Docker's SDK; everything else can, and is done with ``Engine.client``.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from docker import DockerClient
from docker.models.images import Image

from engines.errors import BuildError, ComposeError


@dataclass(frozen=True)
class Engine:
    """A Docker engine that answers.

    Parameters
    ----------
    client : DockerClient
        The SDK's: runs, inspects, reads logs, has volumes.
    environment : mapping of str
        The variables that make the docker command use this engine, besides this process's own.
    has_bridge : bool
        Whether containers have a network of their own, so that ports can be published; else they share the machine's.
    secrets : mapping of str to Path or str
        What builds get to reach package registries: a file, or the text itself.
    build_args : sequence of str
        Names of variables of this process that builds get as arguments, for the same.
    """

    client: DockerClient
    environment: Mapping[str, str]
    has_bridge: bool
    secrets: Mapping[str, Path | str] = field(default_factory=dict, repr=False)
    build_args: Sequence[str] = ()

    def build(
        self,
        dockerfile: Path,
        *,
        context: Path = Path(),
        target: str | None = None,
        tags: Sequence[str] = (),
        build_args: Mapping[str, str] | None = None,
        secrets: Mapping[str, Path | str] | None = None,
        contexts: Mapping[str, str] | None = None,
        output: Path | None = None,
        timeout: float | None = None,
    ) -> Image | None:
        """Build with BuildKit; its progress is printed line by line.

        Parameters
        ----------
        dockerfile : Path
            The Dockerfile.
        context : Path, optional
            The folder that it copies from; the current one by default.
        target : str, optional
            The stage; the last one by default.
        tags : sequence of str, optional
            Names for the image.
        build_args : mapping of str, optional
            The values of its ARGs.
        secrets : mapping of str to Path or str, optional
            Further secrets: a file, or the text itself.
        contexts : mapping of str, optional
            Further contexts: a folder, or ``docker-image://NAME``.
        output : Path, optional
            A folder for the stage's files, instead of an image: for stages that stand on nothing.
        timeout : float, optional
            Seconds; without a limit by default.

        Returns
        -------
        Image or None
            The image; None with ``output``.

        Raises
        ------
        BuildError
            It failed, or took longer than ``timeout``.
        """
        network = [] if self.has_bridge else ["--network=host"]
        arguments, variables = _secret_arguments({**self.secrets, **(secrets or {})})
        command = [
            *("docker", "buildx", "build", "--progress=plain", f"--file={dockerfile}", *network, *arguments),
            # Another builder, such as one in a container, would not see the engine's images.
            "--builder=default",
            *([f"--target={target}"] if target else []),
            *(f"--tag={tag}" for tag in tags),
            *(f"--build-arg={name}" for name in self.build_args),
            *(f"--build-arg={name}={value}" for name, value in (build_args or {}).items()),
            *(f"--build-context={name}={place}" for name, place in (contexts or {}).items()),
        ]
        what = f"docker build of {dockerfile}{f', stage {target}' if target else ''}"
        with tempfile.TemporaryDirectory(prefix="xllamacpp-build-") as temporary:
            image_id = Path(temporary) / "image_id"
            command += [f"--output=type=local,dest={output}" if output else f"--iidfile={image_id}", str(context)]
            try:
                result = subprocess.run(command, env=self._environment(variables), timeout=timeout)
            except subprocess.TimeoutExpired:
                raise BuildError(f"{what} took longer than {timeout:.0f} s") from None
            if result.returncode:
                raise BuildError(f"{what} failed ({result.returncode}): see above. It was: {shlex.join(command)}")
            return None if output else self.client.images.get(image_id.read_text(encoding="ascii").strip())

    def check(self, dockerfile: Path, *, context: Path = Path(), build_args: Mapping[str, str] | None = None) -> None:
        """Let BuildKit read a Dockerfile and look it over, without building anything.

        Parameters
        ----------
        dockerfile, context, build_args
            As for :meth:`build`.

        Raises
        ------
        BuildError
            It cannot be read, or BuildKit warns of something in it.
        """
        command = [
            *("docker", "buildx", "build", "--check", "--progress=plain", f"--file={dockerfile}", "--builder=default"),
            *(f"--build-arg={name}={value}" for name, value in (build_args or {}).items()),
            str(context),
        ]
        result = subprocess.run(command, env=self._environment({}))
        if result.returncode:
            raise BuildError(f"BuildKit's check of {dockerfile} failed: see above. It was: {shlex.join(command)}")

    def compose(
        self,
        *arguments: str,
        project: str,
        files: Sequence[Path] = (),
        profiles: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        timeout: float | None = 600,
    ) -> str:
        """Run docker compose.

        Parameters
        ----------
        *arguments : str
            The command and its arguments: ``"up", "--wait"``.
        project : str
            The project's name, which its containers, networks and volumes begin with.
        files : sequence of Path, optional
            The compose files; ``compose.yaml`` in the current folder by default.
        profiles : sequence of str, optional
            The profiles.
        environment : mapping of str, optional
            Variables that the files use.
        timeout : float, optional
            Seconds.

        Returns
        -------
        str
            What it printed.

        Raises
        ------
        ComposeError
            It failed, with all that it printed; or took longer than ``timeout``.
        """
        command = [
            *("docker", "compose", "--progress=plain", f"--project-name={project}"),
            *(f"--file={file}" for file in files),
            *(f"--profile={profile}" for profile in profiles),
            *arguments,
        ]
        try:
            result = subprocess.run(
                command,
                env=self._environment(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            said = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout
            raise ComposeError(f"{shlex.join(command)} took longer than {timeout} s:\n{said or ''}") from None
        if result.returncode:
            raise ComposeError(f"{shlex.join(command)} failed ({result.returncode}):\n{result.stdout}")
        return result.stdout

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, **self.environment, **more}


def _secret_arguments(secrets: Mapping[str, Path | str]) -> tuple[list[str], dict[str, str]]:
    """Return the arguments for secrets, and the variables that hold those which are no files."""
    arguments, variables = [], {}
    for number, (name, secret) in enumerate(secrets.items()):
        if isinstance(secret, Path):
            arguments.append(f"--secret=id={name},src={secret}")
        else:
            variables[f"XLLAMACPP_SECRET_{number}"] = secret
            arguments.append(f"--secret=id={name},env=XLLAMACPP_SECRET_{number}")
    return arguments, variables
