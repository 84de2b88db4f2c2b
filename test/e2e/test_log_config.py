"""A log4j2 file that was written for TorchServe 0.12 decides where the lines of this server go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torchserve_process import REPOSITORY, TorchServe, wait_for

OF_0_12 = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration packages="org.pytorch.serve.util.logging">
  <Appenders>
    <RollingFile name="access_log" fileName="${env:LOG_LOCATION:-logs}/mine_access.log"
        filePattern="${env:LOG_LOCATION:-logs}/mine_access.%d{dd-MMM}.log.gz">
      <PatternLayout pattern="%d{ISO8601} - %m%n"/>
      <Policies><SizeBasedTriggeringPolicy size="100 MB"/><TimeBasedTriggeringPolicy/></Policies>
      <DefaultRolloverStrategy max="5"/>
    </RollingFile>
    <File name="model_log" fileName="${env:LOG_LOCATION:-logs}/mine_model.log">
      <PatternLayout pattern="%d{ISO8601} [%-5p] %t %c - %m%n"/>
    </File>
    <File name="model_metrics" fileName="${env:METRICS_LOCATION:-logs}/mine_metrics.log">
      <JSONPatternLayout/>
    </File>
    <File name="ts_metrics" fileName="${env:METRICS_LOCATION:-logs}/mine_query.log">
      <QLogLayout/>
    </File>
    <File name="ts_log" fileName="${env:LOG_LOCATION:-logs}/mine_ts.log">
      <JSONPatternLayout/>
    </File>
  </Appenders>
  <Loggers>
    <Logger name="ACCESS_LOG" level="info" additivity="false">
      <AppenderRef ref="access_log"/>
    </Logger>
    <Logger name="MODEL_LOG" level="debug" additivity="false">
      <AppenderRef ref="model_log"/>
    </Logger>
    <Logger name="MODEL_METRICS" level="debug" additivity="false">
      <AppenderRef ref="model_metrics"/>
    </Logger>
    <Logger name="TS_METRICS" level="debug" additivity="false">
      <AppenderRef ref="ts_metrics"/>
    </Logger>
    <Logger name="org.pytorch.serve" level="debug" additivity="false">
      <AppenderRef ref="ts_log"/>
    </Logger>
    <Root level="off"/>
  </Loggers>
</Configuration>
"""


@contextmanager
def printing_a_line(server: TorchServe) -> Iterator[None]:
    """Run it with a handler that has printed a line; ends it afterwards."""
    server.store.add_directory(REPOSITORY / "test" / "models" / "commands")
    server.start("commands")
    try:
        server.order("print", text="a line of the handler").raise_for_status()
        yield
    finally:
        server.stop()


def test_loggers_and_layouts_of_the_original_work(tmp_path: Path) -> None:
    file = tmp_path / "log4j2.xml"
    file.write_text(OF_0_12, encoding="utf-8")
    server = TorchServe(
        tmp_path / "server", options=("--disable-token-auth", "--log-config", str(file))
    )
    with printing_a_line(server):
        server.wait_log("mine_model.log", r"W-9000-commands_1\.0-stdout MODEL_LOG - a line of the")
        server.wait_log("mine_access.log", r'"POST /predictions/commands HTTP/1\.1" 200 \d+$')
        wait_for(lambda: server.log("mine_metrics.log").count("\n"), "a metric")
        server.wait_log(
            "mine_query.log",
            r"^HostName=\S+\nMarketplace=TorchServe::\nStartTime=\d{10}\nProgram=TorchServe\n"
            r"Metrics=QueueTime=\d+\.\d+ Milliseconds Level\|Host\nEOE\n",
        )
    metric = json.loads(server.log("mine_metrics.log").splitlines()[0])
    assert (metric["MetricName"], metric["Unit"]) == ("PredictionTime", "ms")
    assert {"Name": "ModelName", "Value": "commands"} in metric["Dimensions"]
    lines = [json.loads(line) for line in server.log("mine_ts.log").splitlines()]
    assert all(line["logger"].startswith("org.tsnext.") for line in lines)
    assert "Adding new version 1.0 for model commands" in [line["message"] for line in lines]
    assert {path.name for path in server.logs.iterdir() if path.is_file()} == {
        "mine_access.log",
        "mine_metrics.log",
        "mine_model.log",
        "mine_query.log",
        "mine_ts.log",
    }
    server.assert_nothing_left()


def test_lines_are_written_at_once_by_loggers_that_are_not_asynchronous_too(
    tmp_path: Path,
) -> None:
    selector = "org.apache.logging.log4j.core.selector.ClassLoaderContextSelector"
    server = TorchServe(
        tmp_path / "server", config={"vmargs": f"-Dlog4j2.contextSelector={selector}"}
    )
    with printing_a_line(server):
        server.wait_log("model_log.log", r"MODEL_LOG - a line of the handler")
        server.wait_log("access_log.log", r'"POST /predictions/commands HTTP/1\.1" 200 \d+$')
    server.assert_nothing_left()
