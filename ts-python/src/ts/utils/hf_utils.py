"""Models of the Hugging Face hub."""

from __future__ import annotations

from ts.utils._optional import import_optional


def download_model(
    model_id: str = "meta-llama/Meta-Llama-3.1-8B-Instruct",
    revision: str = "main",
    model_path: str = ".cache",
    use_auth_token: bool | str = True,
) -> str:
    """Download a model and return the folder of the snapshot.

    Args:
        model_id: Name on the hub, ``owner/model``.
        revision: Branch, tag or commit.
        model_path: Folder of the cache.
        use_auth_token: A token, ``True`` for the one of the hub's login, ``False`` for none.

    Raises:
        RuntimeError: ``huggingface_hub`` is not installed.
    """
    hub = import_optional("huggingface_hub", "Downloading a model from the hub")
    return str(
        hub.snapshot_download(
            repo_id=model_id,
            revision=revision,
            cache_dir=model_path,
            token=use_auth_token,
            # Weights of other frameworks would double the download.
            ignore_patterns=["*.h5", "*.msgpack", "*.onnx", "*.tflite"],
        )
    )
