package org.tsnext.worker.protocol;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.testng.annotations.AfterClass;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.tracing.FollowedBatch;
import org.tsnext.core.tracing.RequestTimeline;
import org.tsnext.core.tracing.RequestTrace;

/** Both directions against the bytes of test/frames, however they arrive. */
public class GoldenFramesTest {

  private static final long SEED = 20261122L;

  /** Held here, since a logger without a reference forgets its level. */
  private static final Logger EMBEDDED_CHANNEL = Logger.getLogger(EmbeddedChannel.class.getName());

  /** It logs each refusal after the first with its stack trace, and most of these are refused. */
  @BeforeClass
  void silenceRefusals() {
    EMBEDDED_CHANNEL.setLevel(Level.OFF);
  }

  @AfterClass
  void restoreRefusals() {
    EMBEDDED_CHANNEL.setLevel(null);
  }

  @DataProvider
  Iterator<GoldenFrame> fromWorkers() {
    return GoldenFrame.of("worker", "frontend").iterator();
  }

  @DataProvider
  Iterator<GoldenFrame> toWorkers() {
    return GoldenFrame.of("worker", "worker").stream().filter(GoldenFrame::valid).iterator();
  }

  @DataProvider
  Iterator<GoldenFrame> fromInit() {
    return GoldenFrame.of("init", "frontend").iterator();
  }

  @DataProvider
  Iterator<GoldenFrame> toInit() {
    return GoldenFrame.of("init", "init").iterator();
  }

  @Test
  public void goldenFramesAreThere() {
    assertTrue(GoldenFrame.of("worker", "frontend").size() > 30);
    assertTrue(GoldenFrame.of("worker", "worker").size() > 5);
    assertTrue(GoldenFrame.of("init", "frontend").size() > 4);
    assertTrue(GoldenFrame.of("init", "init").size() > 3);
  }

  @Test(dataProvider = "fromWorkers")
  public void workerMessagesAreDecodedHoweverTheyAreCut(GoldenFrame golden) {
    byte[] wire = golden.wire();
    check(golden, List.of(wire));
    List<byte[]> single = new ArrayList<>();
    for (byte current : wire) {
      single.add(new byte[] {current});
    }
    check(golden, single);
    for (int cut = 1; cut < Math.min(wire.length, 2000); cut++) {
      byte[] head = new byte[cut];
      byte[] tail = new byte[wire.length - cut];
      System.arraycopy(wire, 0, head, 0, cut);
      System.arraycopy(wire, cut, tail, 0, tail.length);
      check(golden, List.of(head, tail));
    }
  }

  @Test(dataProvider = "toWorkers")
  public void messagesToWorkersAreEncodedToTheGoldenBytes(GoldenFrame golden) throws Exception {
    UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(false);
    FrameEncoder encoder = new FrameEncoder(golden.limits(), allocator);
    List<ByteBuf> out = new ArrayList<>();
    List<JsonObject> batch = new ArrayList<>();
    for (JsonObject message : golden.messages()) {
      if (!message.get("type").getAsString().equals("PREDICT")) {
        encoder.encode(plain(message), out);
        continue;
      }
      batch.add(message);
      if (message.get("last_item").getAsBoolean()) {
        encodeBatch(batch, encoder, out);
        batch.clear();
      }
    }
    assertEquals(hex(out), golden.hex());
    assertEquals(allocator.metric().usedDirectMemory() + allocator.metric().usedHeapMemory(), 0);
  }

  @Test(dataProvider = "toInit")
  public void messagesToInitAreEncodedToTheGoldenBytes(GoldenFrame golden) throws Exception {
    FrameEncoder encoder = new FrameEncoder(golden.limits(), UnpooledByteBufAllocator.DEFAULT);
    List<ByteBuf> out = new ArrayList<>();
    for (JsonObject message : golden.messages()) {
      encoder.encode(plain(message), out);
    }
    assertEquals(hex(out), golden.hex());
  }

  @Test(dataProvider = "fromInit")
  public void messagesOfInitAreDecoded(GoldenFrame golden) {
    EmbeddedChannel frames = new EmbeddedChannel(new FrameDecoder(golden.limits()));
    frames.writeInbound(Unpooled.wrappedBuffer(golden.wire()));
    List<JsonObject> messages = new ArrayList<>();
    Optional<String> error = Optional.empty();
    try (MessageAssembler assembler =
        new MessageAssembler(
            FrameType.Sender.INIT, golden.limits(), UnpooledByteBufAllocator.DEFAULT)) {
      for (ByteBuf frame = frames.readInbound(); frame != null; frame = frames.readInbound()) {
        Optional<Message> message = assembler.add(frame);
        if (message.isPresent()) {
          messages.add(show(message.get()));
        }
      }
    } catch (ProtocolException e) {
      error = Optional.of(e.getMessage());
    }
    frames.finishAndReleaseAll();
    assertEquals(error.isPresent(), !golden.valid(), error.orElse("decoded"));
    assertEquals(messages, withoutUnread(golden.messages()), golden.name());
  }

  @Test
  public void randomBytesAreRefusedWithoutLeaks() {
    Random random = new Random(SEED);
    for (int round = 0; round < 3000; round++) {
      byte[] wire = new byte[random.nextInt(200)];
      random.nextBytes(wire);
      survive(wire);
    }
  }

  @Test
  public void changedGoldenFramesAreDecodedOrRefusedWithoutLeaks() {
    Random random = new Random(SEED);
    List<GoldenFrame> all = GoldenFrame.of("worker", "frontend");
    for (int round = 0; round < 20_000; round++) {
      byte[] wire = all.get(random.nextInt(all.size())).wire().clone();
      for (int change = random.nextInt(4); change >= 0; change--) {
        wire[random.nextInt(wire.length)] = (byte) random.nextInt(256);
      }
      survive(wire);
    }
  }

  /** Lengths, totals, types and order of frames go wrong, not only single bytes. */
  @Test
  public void tenThousandMalformedStreamsOfFramesAreRefusedWithoutLeaks() {
    Random random = new Random(SEED + 1);
    List<byte[]> all =
        GoldenFrame.of("worker", "frontend").stream().map(GoldenFrame::wire).toList();
    for (int round = 0; round < 10_000; round++) {
      ByteArrayOutputStream stream = new ByteArrayOutputStream();
      for (int frames = random.nextInt(3); frames >= 0; frames--) {
        stream.writeBytes(malformed(all.get(random.nextInt(all.size())), random));
      }
      survive(stream.toByteArray());
    }
  }

  private static byte[] malformed(byte[] wire, Random random) {
    int at = random.nextInt(wire.length);
    int length = Math.min(wire.length - at, 1 + random.nextInt(16));
    byte[] piece = Arrays.copyOfRange(wire, at, at + length);
    ByteArrayOutputStream changed = new ByteArrayOutputStream();
    changed.write(wire, 0, at);
    switch (random.nextInt(5)) {
      case 0 -> changed.write(wire, at + length, wire.length - at - length);
      case 1 -> {
        changed.writeBytes(piece);
        changed.write(wire, at, wire.length - at);
      }
      case 2 -> {
        random.nextBytes(piece);
        changed.writeBytes(piece);
        changed.write(wire, at, wire.length - at);
      }
      case 3 -> {
        // Extreme numbers, where lengths, totals and counts stand.
        Arrays.fill(piece, random.nextBoolean() ? (byte) 0xff : 0);
        changed.writeBytes(piece);
        changed.write(wire, at + length, wire.length - at - length);
      }
      default -> {
        // Cut short.
      }
    }
    return changed.toByteArray();
  }

  /** Feeds bytes and expects messages, a protocol error or nothing yet; never another fault. */
  private static void survive(byte[] wire) {
    Feed feed = new Feed(FrameLimits.of(6_553_500, 6_553_500));
    feed.write(wire);
    feed.end();
  }

  private static void check(GoldenFrame golden, List<byte[]> pieces) {
    Feed feed = new Feed(golden.limits());
    for (byte[] piece : pieces) {
      feed.write(piece);
    }
    feed.end();
    assertEquals(
        feed.error.isPresent(), !golden.valid(), golden.name() + ": " + feed.error.orElse("fine"));
    assertEquals(feed.messages, withoutUnread(golden.messages()), golden.name());
  }

  /** Decodes what it is fed, as the workers' socket does, and counts memory. */
  private static final class Feed {
    final List<JsonObject> messages = new ArrayList<>();
    final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(false);
    final EmbeddedChannel channel;
    Optional<String> error = Optional.empty();

    Feed(FrameLimits limits) {
      channel = new EmbeddedChannel();
      channel.config().setAllocator(allocator);
      channel.pipeline().addLast(new FrameDecoder(limits)).addLast(new MessageHandler(limits));
    }

    void write(byte[] bytes) {
      if (error.isPresent()) {
        return;
      }
      try {
        channel.writeInbound(allocator.buffer().writeBytes(bytes));
      } catch (Exception e) {
        boolean protocol =
            e instanceof ProtocolException
                || e instanceof io.netty.handler.codec.TooLongFrameException;
        assertTrue(protocol, e.toString());
        error = Optional.of(ProtocolErrors.describe(e));
      }
      for (Object next = channel.readInbound(); next != null; next = channel.readInbound()) {
        messages.add(MessageText.of((WorkerMessage) next));
      }
    }

    void end() {
      channel.close().syncUninterruptibly();
      channel.finishAndReleaseAll();
      assertEquals(allocator.metric().usedHeapMemory(), 0, "bytes leaked");
      assertEquals(allocator.metric().usedDirectMemory(), 0, "bytes leaked");
    }
  }

  private static JsonObject show(Message message) throws ProtocolException {
    try {
      if (message.type() != FrameType.OUTPUT) {
        return MessageText.of(InitMessage.decode(message));
      }
      JsonObject json = new JsonObject();
      MessageText.start(json, "OUTPUT", 0, message.id());
      json.addProperty("stderr", (message.flags() & FrameType.Flags.STDERR) != 0);
      json.addProperty("body_hex", MessageText.hex(message.body()));
      return json;
    } finally {
      message.body().release();
    }
  }

  /** Drops the fields that the frontend has no use for. */
  private static List<JsonObject> withoutUnread(List<JsonObject> messages) {
    for (JsonObject message : messages) {
      if (message.has("json")) {
        JsonObject body = message.getAsJsonObject("json");
        body.remove("memory_bytes");
        body.remove("new");
        String type = message.get("type").getAsString();
        if (type.equals("READY") || type.equals("EXITED")) {
          body.remove("pid");
        }
      }
    }
    return messages;
  }

  private static Outgoing plain(JsonObject message) {
    int id = (int) message.get("id").getAsLong();
    FrameType type = FrameType.valueOf(message.get("type").getAsString());
    return switch (type) {
      case CANCEL -> new Outgoing.Cancel(id, message.get("item").getAsInt());
      case WITHDRAW -> new Outgoing.Withdraw(id);
      case PING -> new Outgoing.Ping(id);
      case SHUTDOWN, RELEASE -> new Outgoing.Json(type, id, "");
      default -> new Outgoing.Json(type, id, message.get("json").toString());
    };
  }

  private static void encodeBatch(List<JsonObject> items, FrameEncoder encoder, List<ByteBuf> out)
      throws ProtocolException {
    List<InferenceRequest> requests = items.stream().map(GoldenFramesTest::request).toList();
    int[] timeLeft =
        items.stream().mapToInt(item -> (int) item.get("time_left_ms").getAsLong()).toArray();
    int id = (int) items.get(0).get("id").getAsLong();
    PredictBatch batch = new PredictBatch(id, requests, timeLeft, followed(items));
    requests.forEach(InferenceRequest::release);
    encoder.encode(batch, out);
  }

  private static FollowedBatch followed(List<JsonObject> items) {
    if (items.stream().noneMatch(item -> item.has("context"))) {
      return FollowedBatch.NOT_FOLLOWED;
    }
    FollowedBatch batch =
        new FollowedBatch(
            new FollowedBatch.Worker("digits", "1.0", 9000),
            new FollowedBatch.Facts(7, items.size(), 0, 0, false));
    for (int i = 0; i < items.size(); i++) {
      String context = items.get(i).get("context").getAsString();
      Optional<RequestTrace> trace =
          context.isEmpty() ? Optional.empty() : Optional.of(new FixedTrace(context));
      new RequestTimeline(0, trace).sent(batch, i, 0);
    }
    return batch;
  }

  /** Every attempt has the same context. */
  private record FixedTrace(String newHandlerContext) implements RequestTrace {
    @Override
    public String traceId() {
      return newHandlerContext.substring(3, 35);
    }

    @Override
    public String spanId() {
      return newHandlerContext.substring(36, 52);
    }

    @Override
    public boolean isSampled() {
      return true;
    }

    @Override
    public void end(RequestTimeline timeline, RequestEnd end) {}
  }

  private static InferenceRequest request(JsonObject item) {
    List<Header> headers = new ArrayList<>();
    for (JsonElement element : GoldenFrame.pairs(item, "headers")) {
      JsonArray pair = element.getAsJsonArray();
      headers.add(new Header(pair.get(0).getAsString(), pair.get(1).getAsString()));
    }
    List<InputPart> parts = new ArrayList<>();
    for (JsonElement element : item.getAsJsonArray("parts")) {
      JsonObject part = element.getAsJsonObject();
      parts.add(
          new InputPart(
              part.get("name").getAsString(),
              part.get("content_type").getAsString(),
              Unpooled.wrappedBuffer(GoldenFrame.bytes(part, "value_hex"))));
    }
    return new InferenceRequest(
        item.get("request_id").getAsString(),
        new InferenceRequest.Target("digits", Optional.empty()),
        RequestKind.valueOf(item.get("kind").getAsString().toUpperCase(Locale.ROOT)),
        new InferenceRequest.Origin(Protocol.HTTP, item.has("tensors")),
        headers,
        parts,
        Optional.empty());
  }

  private static String hex(List<ByteBuf> out) {
    StringBuilder hex = new StringBuilder();
    for (ByteBuf buffer : out) {
      assertTrue(buffer.isReadable());
      hex.append(MessageText.hex(buffer));
      buffer.release();
    }
    assertFalse(out.isEmpty());
    return hex.toString();
  }
}
