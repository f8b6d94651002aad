"""Names that Gunicorn and Uvicorn have for settings, and what to write here instead of each.

Most are declared with the setting that means the same (``gunicorn=``, ``uvicorn=``). Here are flags
that are not called after their setting, and names that have no setting here.
"""

from __future__ import annotations

from collections.abc import Callable

from tricorn.config.catalogue import SETTINGS
from tricorn.config.setting import Setting

_OF_FLAG = {
    "access_logfile": "accesslog",
    "access_logformat": "access_log_format",
    "check_config": "check_config",
    "dirty_app": "dirty_apps",
    "env": "raw_env",
    "error_logfile": "errorlog",
    "header": "headers",
    "log_file": "errorlog",
    "log_config_json": "logconfig_json",
    "log_syslog": "syslog",
    "log_syslog_facility": "syslog",
    "log_syslog_prefix": "syslog",
    "log_syslog_to": "syslog",
    "name": "proc_name",
    "no_sendfile": "sendfile",
    "no_use_colors": "use_colors",
    "paste_global": "paste",
    "paster": "paste",
    "preload": "preload_app",
    "uwsgi_allow_from": "uwsgi_allow_ips",
    "e": "raw_env",
    "k": "worker_class",
    "R": "enable_stdio_inheritance",
}
"""The name of a setting of theirs by its flag, where these differ; dashes are underscores."""

_HOOKS = (
    *("on_starting", "on_reload", "when_ready", "pre_fork", "post_fork", "post_worker_init"),
    *("worker_int", "worker_abort", "pre_exec", "pre_request", "post_request", "child_exit"),
    *("worker_exit", "nworkers_changed", "on_exit", "callback_notify", "timeout_notify"),
    *("on_dirty_starting", "dirty_post_fork", "dirty_worker_init", "dirty_worker_exit"),
)
_HOOK = "nothing like it; Tricorn calls no functions of yours, but an application's lifespan"
_LENIENT = "nothing like it; Tricorn refuses such requests"

INSTEAD = {
    "asgi_disconnect_grace_period": "nothing like it; the application is told, and goes on",
    "capture_output": "leave it out; direct stdout and stderr with your shell or service manager",
    "casefold_http_method": _LENIENT,
    "check_config": "write tricorn check APP",
    "ciphers": "leave it out; only safe ones are spoken",
    "control_socket_disable": "write --no-control-socket",
    "control_socket_mode": "leave it out; it is 0600",
    "default_proc_name": "write --proc-name NAME",
    "dirty_apps": "nothing like it",
    "dirty_graceful_timeout": "nothing like it",
    "dirty_threads": "nothing like it",
    "dirty_timeout": "nothing like it",
    "dirty_workers": "nothing like it",
    "disable_redirect_access_to_syslog": "leave it out; the access log does not go there",
    "do_handshake_on_connect": "leave it out",
    "dogstatsd_tags": "nothing like it",
    "enable_backlog_metric": "nothing like it",
    "enable_stdio_inheritance": "leave it out",
    "env_file": "set the variables before the command: set -a; . ./.env; tricorn APP",
    "fd": "write --bind fd://N",
    "forwarder_headers": "write --forwarded-headers, or --underscore-headers",
    "headers": "nothing like it; set them in the application or the proxy",
    "http": "leave it out; there is one parser",
    "http_parser": "leave it out; there is one parser",
    "http_protocols": "write --http2 on, or --http2 off",
    "http2_max_frame_size": "leave it out",
    "http2_max_header_list_size": "write --head-size SIZE",
    "initgroups": "leave it out; --user does it",
    "logconfig_dict": "write --log-config FILE.json",
    "logconfig_json": "write --log-config FILE.json",
    "logger_class": "write --log-config FILE",
    "paste": "nothing like it; make the application in a module, and serve that",
    "permit_obsolete_folding": _LENIENT,
    "permit_unconventional_http_method": _LENIENT,
    "permit_unconventional_http_version": _LENIENT,
    "print_config": "write tricorn check APP",
    "protocol": "nothing like it; Tricorn speaks HTTP alone",
    "pythonpath": "write --app-dir DIR, or set PYTHONPATH",
    "raw_env": "set it before the command: NAME=VALUE tricorn APP",
    "reset_contextvars": "leave it out",
    "sendfile": "leave it out; it is used where it can be",
    "spew": "nothing like it",
    "ssl_ciphers": "leave it out; only safe ones are spoken",
    "ssl_version": "write --tls-min-version VERSION",
    "statsd_host": "nothing like it",
    "statsd_prefix": "nothing like it",
    "strip_header_spaces": _LENIENT,
    "suppress_ragged_eofs": "leave it out",
    "syslog": "write --log-config FILE, with a SysLogHandler in it",
    "timeout_worker_healthcheck": "write --timeout SECONDS",
    "tmp_upload_dir": "leave it out",
    "uds": "write --bind unix:PATH",
    "uwsgi_allow_ips": "nothing like it; Tricorn speaks HTTP alone",
    "worker_class": "leave it out; WSGI and ASGI are told apart by themselves, and --threads "
    "says how many calls of WSGI run at once",
    "worker_tmp_dir": "leave it out; workers share memory",
    "ws": "leave it out; WebSocket is built in",
    "ssl_context": "write --tls-cert and the other settings about TLS",
    "ssl_context_factory": "write --tls-cert and the other settings about TLS",
    **dict.fromkeys(_HOOKS, _HOOK),
}
"""What to do about a name that no setting here has."""

_OURS: dict[str, Setting] = {
    name: setting
    for setting in SETTINGS
    for name in (setting.declared.get("uvicorn"), setting.declared.get("gunicorn"))
    if name
}


def counterpart(name: str) -> Setting | None:
    """Our setting for a setting or a flag of theirs, as ``keyfile`` or ``--keyfile``."""
    return _OURS.get(_setting_name(name))


def advice(name: str, write: Callable[[Setting], str] = lambda setting: setting.typed) -> str:
    """What to do instead of a setting or a flag of theirs, as ``write --tls-key``; else nothing.

    ``write`` tells how a setting of ours is written where the name was found.
    """
    if setting := counterpart(name):
        return f"write {write(setting)}"
    return INSTEAD.get(_setting_name(name), "")


def _setting_name(name: str) -> str:
    plain = name.lstrip("-").replace("-", "_")
    return _OF_FLAG.get(plain, plain)
