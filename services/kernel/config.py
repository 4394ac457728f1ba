"""The one typed configuration of every process: YAML defaults, a file, the environment."""

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    AmqpDsn,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    PostgresDsn,
    RedisDsn,
    SecretStr,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

DEFAULTS = Path(__file__).with_name("config.yaml")


class ConfigError(Exception):
    """A setting is missing or wrong; the text names each, one a line."""


Rate = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}/(second|minute|hour|day)$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Images(Section):
    max_bytes: int = Field(gt=0)
    max_pixels: int = Field(gt=0)
    decode_bytes: int = Field(ge=50_000_000)
    decode_at_once: int = Field(gt=0)
    decode_wait_s: float = Field(ge=0)
    min_side_px: int = Field(gt=0)
    max_side_px: int = Field(gt=0)
    jpeg_quality: int = Field(ge=30, le=95)
    cache_max_age_s: int = Field(ge=0)


class Scans(Section):
    deadline_s: float = Field(gt=0)
    sse_keepalive_s: float = Field(gt=0)
    sse_max_clients: int = Field(gt=0)
    progress_ttl_s: int = Field(gt=0)


class Uploads(Section):
    base_url: HttpUrl | None
    url_s: int = Field(ge=60, le=3600)
    keep_s: int = Field(ge=60)
    open_at_most: int = Field(gt=0)
    forget_s: int = Field(ge=3600)


class Events(Section):
    retry_delay_s: float = Field(gt=0)
    max_attempts: int = Field(gt=0)


class Wal(Section):
    sync_interval_s: float = Field(gt=0)
    sync_batch: int = Field(gt=0)
    retain_s: float = Field(gt=0)
    retain_bytes: int = Field(gt=0)
    max_attempts: int = Field(gt=0)
    retry_base_s: float = Field(gt=0)
    retry_max_s: float = Field(gt=0)
    queue_limit: int = Field(gt=0)


class Price(Section):
    """US dollars for a million tokens."""

    input: float = Field(ge=0)
    cached: float = Field(ge=0)
    output: float = Field(ge=0)


class OpenAi(Section):
    base_url: HttpUrl
    api: Literal["responses", "chat"]
    organization: str | None
    project: str | None
    vision_model: str = Field(min_length=1)
    vision_effort: str | None
    answer_model: str = Field(min_length=1)
    image_detail: Literal["low", "high", "auto"]
    image_side_px: int = Field(ge=64, le=2048)
    connect_timeout_s: float = Field(gt=0)
    read_timeout_s: float = Field(gt=0)
    deadline_s: float = Field(gt=0)
    max_attempts: int = Field(gt=0)
    limit_wait_s: float = Field(ge=0)
    requests_per_minute: int = Field(gt=0)
    tokens_per_minute: int = Field(gt=0)
    breaker_failures: int = Field(gt=0)
    breaker_reset_s: float = Field(gt=0)
    daily_budget_won: float = Field(ge=0)
    won_per_dollar: float = Field(gt=0)
    prices: dict[str, Price] = Field(min_length=1)


class Ai(Section):
    provider: Literal["auto", "openai", "local"]
    threshold: float = Field(ge=0, le=1)
    threads: int = Field(gt=0)
    idle_s: float = Field(gt=0)
    remember_s: int = Field(gt=0)
    openai: OpenAi


class Limits(Section):
    """Requests in a window of time, as ``300/minute``; see `services.gateway.limits`."""

    scale: float = Field(gt=0)
    address: Rate
    read: Rate
    search: Rate
    write: Rate
    upload: Rate
    sign_in: Rate
    mail: Rate
    chat: Rate


class Gateway(Section):
    public_url: HttpUrl
    cors_origins: list[HttpUrl]
    trusted_proxies: int = Field(ge=0, le=5)
    body_s: float = Field(gt=0)
    domain_calls: int = Field(gt=0)
    domain_wait_s: float = Field(ge=0)
    idempotency_lease_s: int = Field(gt=0)
    idempotency_keep_s: int = Field(gt=0)
    gzip_least_bytes: int = Field(ge=0)
    limits: Limits


class Chat(Section):
    model: str = Field(min_length=1)
    effort: str | None
    max_output_tokens: int = Field(ge=16, le=4000)
    window_tokens: int = Field(ge=1000)
    max_rounds: int = Field(ge=1, le=4)
    result_chars: int = Field(ge=1000)
    max_answers: int = Field(gt=0)
    deadline_s: float = Field(gt=0)
    model_deadline_s: float = Field(gt=0)
    scan_wait_s: float = Field(gt=0)
    lease_s: float = Field(gt=0)
    max_attempts: int = Field(ge=1, le=99)
    stream_ttl_s: int = Field(gt=0)


class SignIn(Section):
    """How failed sign-ins slow the next one down; see `services.auth.throttle`."""

    free_failures: int = Field(ge=1)
    longest_delay_s: float = Field(ge=1)
    free_failures_anywhere: int = Field(ge=1)
    longest_delay_anywhere_s: float = Field(ge=1)
    forget_s: float = Field(ge=60)


class Userinfo(Section):
    avatar_side_px: int = Field(ge=64, le=2048)
    statistics_days: int = Field(gt=0)
    statistics_most_days: int = Field(gt=0, le=3660)


class Auth(Section):
    issuer: str
    page: HttpUrl
    access_ttl_s: int = Field(gt=0)
    refresh_ttl_s: int = Field(gt=0)
    key_ttl_s: int = Field(ge=60)
    key_publish_s: int = Field(ge=0)
    verify_ttl_s: int = Field(ge=60)
    reset_ttl_s: int = Field(ge=60)
    fresh_s: int = Field(ge=0)
    audit_s: int = Field(ge=3600)
    revocation_lease_s: float = Field(ge=2, le=3)
    sign_in: SignIn


class Mail(Section):
    """How letters leave; see `services.auth.mailers`."""

    transport: Literal["file", "smtp"]
    sender: str = Field(pattern=r"^[^\r\n]*<[^<>@\s]+@[^<>@\s]+>$")
    host: str
    port: int = Field(ge=1, le=65535)
    security: Literal["none", "starttls", "tls"]
    ca_file: Path | None
    user: str | None
    password: SecretStr | None
    timeout_s: float = Field(gt=0, le=60)
    max_attempts: int = Field(ge=1)
    retry_base_s: float = Field(gt=0)
    retry_max_s: float = Field(gt=0)
    per_hour: int = Field(ge=1)


class OpenIdProvider(Section):
    """Who speaks OpenID Connect: its addresses are discovered from `issuer`."""

    client_id: str | None
    client_secret: SecretStr | None
    scope: str
    issuer: HttpUrl


class OAuthProvider(Section):
    """Who speaks OAuth 2.0 and tells in a way of its own who has signed in."""

    client_id: str | None
    client_secret: SecretStr | None
    scope: str
    authorize_url: HttpUrl
    token_url: HttpUrl
    profile_url: HttpUrl


class OAuth(Section):
    return_to: list[HttpUrl] = Field(min_length=1)
    state_s: int = Field(ge=60, le=3600)
    timeout_s: float = Field(gt=0)
    google: OpenIdProvider
    kakao: OAuthProvider
    naver: OAuthProvider


class Settings(BaseSettings):
    """Settings from the environment, the file that ``ECO2_CONFIG`` names, and ``config.yaml`` beside this file."""

    model_config = SettingsConfigDict(env_prefix="ECO2_", env_nested_delimiter="__", extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        named = os.environ.get("ECO2_CONFIG")
        files = [Path(named), DEFAULTS] if named else [DEFAULTS]
        layers = (InitSettingsSource(settings_cls, _read(file)) for file in files)
        return (init_settings, env_settings, *layers)


class Config(Settings):
    """Settings of a process; see ``config.yaml`` for what each means."""

    amqp_url: AmqpDsn
    database_url: Annotated[PostgresDsn | None, BeforeValidator(lambda told: None if told == "none" else told)]
    redis_url: RedisDsn
    s3_url: HttpUrl
    cdn_url: HttpUrl
    state_dir: Path
    cache_dir: Path
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")

    http_host: str
    http_port: int = Field(ge=1, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    max_workers: int = Field(gt=0)
    drain_s: float = Field(gt=0)
    start_wait_s: float = Field(ge=0)

    rpc_timeout_s: float = Field(gt=0)
    database_roles: bool
    database_connections: int = Field(gt=0)
    database_wait_s: float = Field(gt=0)
    database_statement_s: float = Field(gt=0)
    redis_connections: int = Field(gt=0)
    redis_timeout_s: float = Field(gt=0)

    gateway: Gateway
    images: Images
    scans: Scans
    uploads: Uploads
    events: Events
    wal: Wal
    ai: Ai
    chat: Chat
    userinfo: Userinfo
    auth: Auth
    mail: Mail
    oauth: OAuth


def _read(path: Path) -> dict[str, object]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path}: a mapping of settings is expected")
    unknown = set(loaded) - set(Config.model_fields)
    if unknown:
        raise ConfigError(f"{path}: unknown settings: {', '.join(sorted(map(str, unknown)))}")
    return loaded


def load() -> Config:
    """Read and check every setting. Raises `ConfigError`, which names each that is missing or wrong."""
    try:
        return Config()
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(problem["loc"], problem) for problem in error.errors())) from None


def _explain(where: tuple[int | str, ...], problem: object) -> str:
    variable = "ECO2_" + "__".join(str(part) for part in where).upper()
    message = problem["msg"] if isinstance(problem, dict) else str(problem)
    return f"{'.'.join(str(part) for part in where)} (environment: {variable}): {message}"


@cache
def config() -> Config:
    """The process's configuration, read once."""
    return load()
