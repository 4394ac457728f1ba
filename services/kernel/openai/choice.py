"""Whether there is a model to ask. Apart from the rest: a process without a key need not load the client's 30 MB."""

from services.kernel.config import Config, ConfigError


def chosen_key(settings: Config) -> str | None:
    """The key to ask OpenAI's API with, or None where everything is to be done locally.

    Raises `ConfigError` when ``openai`` is asked for and there is no key.
    """
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    if settings.ai.provider == "local" or (settings.ai.provider == "auto" and not key):
        return None
    if not key:
        raise ConfigError("ai.provider is openai, but the environment has no OPENAI_API_KEY")
    return key
