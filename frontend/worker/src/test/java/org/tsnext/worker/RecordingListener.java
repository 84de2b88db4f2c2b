package org.tsnext.worker;

import static org.testng.Assert.fail;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.worker.WorkerListener;

/** Writes down what it is told, and notices calls that overlap. */
final class RecordingListener implements WorkerListener {

  private static final Duration LIMIT = Duration.ofMinutes(1);

  private final List<String> calls = new ArrayList<>();
  private final List<MetricSample> samples = new ArrayList<>();
  private final AtomicInteger inside = new AtomicInteger();

  @Override
  public void started(long pid) {
    add("started " + pid);
  }

  @Override
  public void connected(String address) {
    add("connected");
  }

  @Override
  public void loaded(Duration took) {
    add("loaded " + took.toMillis());
  }

  @Override
  public void loadFailed(LoadFailure failure) {
    add("load failed " + failure.code() + " " + failure.detail());
  }

  @Override
  public void response(int batchId, int item, ResponseHead head, ByteBuf body) {
    add("response " + batchId + "/" + item + " " + text(body));
  }

  @Override
  public void chunk(int batchId, int item, ResponseHead head, ByteBuf body) {
    add("chunk " + batchId + "/" + item + " " + text(body));
  }

  @Override
  public void withdrawal(int batchId, boolean given) {
    add((given ? "withdrawn " : "begun ") + batchId);
  }

  @Override
  public void notSent(int batchId, ServingException why) {
    add("not sent " + batchId + ": " + why.httpStatus() + " " + why.getMessage());
  }

  @Override
  public void error(int batchId, int item, HandlerError error) {
    add("error " + batchId + "/" + item + " " + error.code());
  }

  @Override
  public void unusable(String reason) {
    add("unusable: " + reason);
  }

  @Override
  public synchronized void metric(MetricSample sample) {
    samples.add(sample);
    add("metric " + sample.name());
  }

  @Override
  public void pong(int token) {
    add("pong " + token);
  }

  @Override
  public void disconnected(String reason) {
    add("disconnected: " + reason);
  }

  @Override
  public void exited(ExitStatus status) {
    add("exited " + status.code() + "," + status.signal() + ": " + status.reason());
  }

  synchronized List<String> calls() {
    return List.copyOf(calls);
  }

  synchronized List<MetricSample> samples() {
    return List.copyOf(samples);
  }

  /** Waits until a call that starts with {@code prefix} was made, and returns it. */
  String await(String prefix) {
    Condition.await(
        LIMIT,
        () -> calls().stream().anyMatch(call -> call.startsWith(prefix)),
        () -> "'" + prefix + "' within " + calls());
    return calls().stream().filter(call -> call.startsWith(prefix)).findFirst().orElseThrow();
  }

  private synchronized void add(String call) {
    if (inside.getAndIncrement() != 0) {
      fail("calls overlap");
    }
    calls.add(call);
    inside.decrementAndGet();
  }

  private static String text(ByteBuf body) {
    int size = body.readableBytes();
    String text = size > 100 ? size + " bytes" : body.toString(StandardCharsets.UTF_8);
    body.release();
    return text;
  }
}
