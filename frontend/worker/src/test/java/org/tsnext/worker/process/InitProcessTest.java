package org.tsnext.worker.process;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.ByteBuf;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.testng.annotations.Test;
import org.tsnext.worker.Condition;
import org.tsnext.worker.FailingAllocator;
import org.tsnext.worker.protocol.FrameLimits;
import org.tsnext.worker.protocol.FrameType;
import org.tsnext.worker.protocol.InitMessage;
import org.tsnext.worker.protocol.Outgoing;

/** {@code init} gets whole messages, and its end is told, wherever memory runs out. */
public class InitProcessTest {

  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final FrameLimits LIMITS = FrameLimits.of(1000, 1000);

  private final FailingAllocator memory = new FailingAllocator();

  @Test
  public void spawnRequestThatCannotBeSentIsReportedAndTheNextOneIsSent() {
    FakeProcess process = new FakeProcess();
    RecordedEvents events = new RecordedEvents();
    InitProcess init = new InitProcess(process, LIMITS, memory, events);
    init.serve();
    memory.failAt(1);
    init.send(new Outgoing.Json(FrameType.SPAWN, 1, "{}"));
    events.await("not spawned 1");
    memory.failAt(Integer.MAX_VALUE);
    init.send(new Outgoing.Json(FrameType.SPAWN, 2, "{}"));
    Condition.await(LIMIT, () -> process.input() == 14, () -> "one message");
    process.end();
    events.await("ended");
    Condition.await(LIMIT, () -> memory.held().isEmpty(), () -> "memory is given back");
  }

  @Test
  public void signalForWhichMemoryRunsOutIsSentLater() {
    FakeProcess process = new FakeProcess();
    RecordedEvents events = new RecordedEvents();
    InitProcess init = new InitProcess(process, LIMITS, memory, events);
    init.serve();
    memory.failAt(1);
    init.send(new Outgoing.Json(FrameType.SIGNAL, 1, "{}"));
    Condition.await(LIMIT, () -> process.input() == 14, () -> "one message");
    process.end();
    events.await("ended");
  }

  @Test
  public void messageThatIsWrittenInPartEndsTheProcess() {
    for (Throwable thrown : List.of(new OutOfMemoryError("heap"), new IOException("broken"))) {
      FakeProcess process = new FakeProcess();
      process.failure = thrown;
      RecordedEvents events = new RecordedEvents();
      InitProcess init = new InitProcess(process, LIMITS, memory, events);
      init.serve();
      init.send(new Outgoing.Json(FrameType.SPAWN, 1, "{}"));
      if (thrown instanceof IOException) {
        process.end();
      }
      events.await("ended");
      assertEquals(events.calls(), List.of("ended"));
      assertTrue(process.waits.getCount() == 0);
      Condition.await(LIMIT, () -> memory.held().isEmpty(), () -> "memory is given back");
    }
  }

  private static final class RecordedEvents implements InitProcess.Events {
    private final List<String> calls = new ArrayList<>();

    synchronized List<String> calls() {
      return List.copyOf(calls);
    }

    void await(String call) {
      Condition.await(LIMIT, () -> calls().contains(call), () -> call + " in " + calls());
    }

    private synchronized void add(String call) {
      calls.add(call);
    }

    @Override
    public void said(InitMessage message) {
      add("said " + message);
    }

    @Override
    public void printed(int spawnId, boolean stderr, ByteBuf text) {
      add("printed");
    }

    @Override
    public void notSpawned(int spawnId, String reason) {
      add("not spawned " + spawnId);
    }

    @Override
    public void ended(String reason) {
      add("ended");
    }
  }

  /** A process that keeps what it is written, and lives until it is ended. */
  private static final class FakeProcess extends Process {
    private final CountDownLatch waits = new CountDownLatch(1);
    private final ByteArrayOutputStream input = new ByteArrayOutputStream();
    private Throwable failure;

    int input() {
      synchronized (input) {
        return input.size();
      }
    }

    void end() {
      waits.countDown();
    }

    @Override
    public OutputStream getOutputStream() {
      return new OutputStream() {
        @Override
        public void write(int value) throws IOException {
          write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int start, int size) throws IOException {
          if (failure instanceof Error error) {
            throw error;
          } else if (failure instanceof IOException error) {
            throw error;
          }
          synchronized (input) {
            input.write(bytes, start, size);
          }
        }
      };
    }

    @Override
    public InputStream getInputStream() {
      return new InputStream() {
        @Override
        public int read() throws IOException {
          try {
            waits.await();
          } catch (InterruptedException e) {
            throw new IOException(e);
          }
          return -1;
        }

        @Override
        public int read(byte[] bytes, int start, int size) throws IOException {
          return read();
        }
      };
    }

    @Override
    public InputStream getErrorStream() {
      return new ByteArrayInputStream("".getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public int waitFor() throws InterruptedException {
      waits.await();
      return 0;
    }

    @Override
    public boolean waitFor(long timeout, TimeUnit unit) throws InterruptedException {
      return waits.await(timeout, unit);
    }

    @Override
    public int exitValue() {
      return 0;
    }

    @Override
    public void destroy() {
      end();
    }

    @Override
    public Process destroyForcibly() {
      end();
      return this;
    }

    @Override
    public long pid() {
      return 1;
    }
  }
}
