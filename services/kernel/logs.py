"""Logs: one JSON object a line on standard error, for our records and the libraries' alike."""

import logging
import sys

import structlog


def configure(service: str, level: str) -> None:
    """Send every log record of this process to standard error as JSON, marked with `service`."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                lambda _logger, _name, event: {"service": service, **event},
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    handler.addFilter(_shorten_expected)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("amqp", "kombu", "botocore", "boto3", "urllib3", "PIL", "nameko.web.server", "httpx"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _shorten_expected(record: logging.LogRecord) -> bool:
    """What Nameko calls an expected error is an answer: one line is enough, without the stack."""
    if record.levelno == logging.WARNING and str(record.msg).startswith("(expected)"):
        record.levelno, record.levelname, record.exc_info = logging.INFO, "INFO", None
    return True
