"""A Modal control plane on loopback for `modal deploy`, and the ways in which it can refuse.

Speaks the protocol of the modal package. Builds nothing; keeps the requests.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from grpclib import GRPCError, Status
from grpclib.server import Server, Stream
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientBase


class ModalServer:
    """One workspace with one environment. Faults are set by tests, before anything is deployed.

    requests        (method, message) of each call, in their order
    objects         id -> the request for it: images, volumes, secrets, mounts, functions
    """

    def __init__(self) -> None:
        self.url = ""
        self.builder_version = "2025.06"
        """of images: the environment's, which the client asks for"""
        self.secrets = {"chorus-api-keys": {"CHORUS_API_KEYS"}}
        """name -> keys"""
        self.build_error = ""
        """fails image builds, after their log has said it"""
        self.requests: list[tuple[str, Message]] = []
        self.objects: dict[str, Any] = {}
        self.answers: dict[str, Callable[[Any], Message]] = {
            "AppClientDisconnect": lambda _: Empty(),
            "AppCreate": lambda _: api_pb2.AppCreateResponse(app_id="ap-1", app_page_url=f"{self.url}/apps"),
            "AppGetByDeploymentName": lambda _: api_pb2.AppGetByDeploymentNameResponse(),
            "AppHeartbeat": lambda _: Empty(),
            "AppPublish": lambda _: api_pb2.AppPublishResponse(url=f"{self.url}/deployed", deployed_at=1.0),
            "ClassCreate": lambda request: api_pb2.ClassCreateResponse(class_id=self._keep("cs", request)),
            "EnvironmentGetOrCreate": self._environment,
            "FunctionCreate": self._function,
            "FunctionPrecreate": self._function_id,
            "ImageGetOrCreate": lambda request: api_pb2.ImageGetOrCreateResponse(
                image_id=self._keep("im", request.image)
            ),
            "ImageJoinStreaming": self._build,
            "MountBatchedCheckExistence": lambda request: api_pb2.MountBatchedCheckExistenceResponse(
                missing_sha256_hex_hashes=request.sha256_hex_hashes
            ),
            "MountGetOrCreate": lambda request: api_pb2.MountGetOrCreateResponse(mount_id=self._keep("mo", request)),
            "MountPutFile": lambda _: api_pb2.MountPutFileResponse(exists=True),
            "SecretGetOrCreate": self._secret,
            "VolumeGetOrCreate": lambda request: api_pb2.VolumeGetOrCreateResponse(volume_id=self._keep("vo", request)),
        }

    def sent(self, method: str) -> list[Any]:
        return [message for name, message in self.requests if name == method]

    @property
    def functions(self) -> dict[str, Any]:
        """Name -> definition, of classes too: their name is `Class.*`."""
        return {request.function.function_name: request.function for request in self.sent("FunctionCreate")}

    def layers(self, image_id: str) -> list[Any]:
        """An image and its base images, the lowest layer first."""
        image = self.objects[image_id]
        below = [layer for base in image.base_images for layer in self.layers(base.image_id)]
        return [*below, image]

    def _keep(self, prefix: str, message: Message) -> str:
        """The id of an object: for the same request the same one, as of a volume that two functions mount."""
        for object_id, kept in self.objects.items():
            if kept == message:
                return object_id
        object_id = f"{prefix}-{len(self.objects) + 1}"
        self.objects[object_id] = message
        return object_id

    def _environment(self, request: Any) -> Message:
        settings = api_pb2.EnvironmentSettings(image_builder_version=self.builder_version)
        return api_pb2.EnvironmentGetOrCreateResponse(
            environment_id="en-1", metadata=api_pb2.EnvironmentMetadata(name="main", settings=settings)
        )

    def _function_id(self, request: Any) -> Message:
        return api_pb2.FunctionPrecreateResponse(
            function_id=self._keep("fu", request), handle_metadata=_handle(request)
        )

    def _function(self, request: Any) -> Message:
        ranked = api_pb2.FunctionData.RankedFunction(function=request.function)
        return api_pb2.FunctionCreateResponse(
            function_id=request.existing_function_id,
            function_data=api_pb2.FunctionData(ranked_functions=[ranked]),
            handle_metadata=_handle(request.function),
        )

    def _build(self, request: Any) -> Message:
        if not self.build_error:
            status, log = api_pb2.GenericResult.GENERIC_STATUS_SUCCESS, "built\n"
        else:
            status, log = api_pb2.GenericResult.GENERIC_STATUS_FAILURE, f"{self.build_error}\n"
        return api_pb2.ImageJoinStreamingResponse(
            result=api_pb2.GenericResult(status=status),
            task_logs=[api_pb2.TaskLogs(data=log, file_descriptor=api_pb2.FILE_DESCRIPTOR_STDOUT)],
            metadata=api_pb2.ImageMetadata(image_builder_version=self.builder_version),
        )

    def _secret(self, request: Any) -> Message:
        """Refuses in Modal's words."""
        name = request.deployment_name
        if name not in self.secrets:
            raise GRPCError(Status.NOT_FOUND, f"Secret '{name}' not found in environment 'main'")
        if missing := set(request.required_keys) - self.secrets[name]:
            raise GRPCError(Status.FAILED_PRECONDITION, f"Secret is missing key(s): {', '.join(sorted(missing))}")
        metadata = api_pb2.SecretMetadata(name=name, keys=sorted(self.secrets[name]))
        return api_pb2.SecretGetOrCreateResponse(secret_id=self._keep("st", request), metadata=metadata)


def _handle(definition: Any) -> api_pb2.FunctionHandleMetadata:
    """A function's metadata for a client; a web method's has its address."""
    methods = {
        method: api_pb2.FunctionHandleMetadata(
            function_name=each.function_name,
            function_type=each.function_type,
            is_method=True,
            web_url=f"https://workspace--{each.webhook_config.requested_suffix}.modal.run",
        )
        for method, each in definition.method_definitions.items()
    }
    return api_pb2.FunctionHandleMetadata(
        function_name=definition.function_name,
        function_type=definition.function_type,
        method_handle_metadata=methods,
    )


def _servicer(server: ModalServer) -> Any:  # Any: an IServable, which grpclib has no public name for
    """All methods of the protocol; those without an answer raise an error that names them."""

    def rpc(name: str) -> Callable[..., Awaitable[None]]:
        async def answer(_: object, stream: Stream[Any, Any]) -> None:
            request = await stream.recv_message()
            server.requests.append((name, request))
            if name not in server.answers:
                raise GRPCError(Status.UNIMPLEMENTED, f"tests/support/modal_server.py does not answer {name}")
            await stream.send_message(server.answers[name](request))

        return answer

    methods = {name: rpc(name) for name in ModalClientBase.__abstractmethods__}
    return type("Servicer", (ModalClientBase,), methods)()


@contextmanager
def running_modal_server() -> Iterator[ModalServer]:
    """On a free port, in a thread with a loop of its own."""
    modal_server = ModalServer()
    listener = socket.create_server(("127.0.0.1", 0))
    modal_server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    started: Future[Callable[[], object]] = Future()

    async def run() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        try:
            server = Server([_servicer(modal_server)])
            await server.start(sock=listener)
        except BaseException as error:
            started.set_exception(error)
            raise
        started.set_result(lambda: loop.call_soon_threadsafe(stopping.set))
        await stopping.wait()
        server.close()
        await server.wait_closed()

    with ThreadPoolExecutor(1) as pool, listener:
        ending = pool.submit(asyncio.run, run())
        stop = started.result(30)
        try:
            yield modal_server
        finally:
            stop()
            ending.result(30)
