package org.tsnext.grpc.inference;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNotNull;
import static org.testng.Assert.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.Status;
import io.grpc.Drainable;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.testng.annotations.AfterClass;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.Test;
import org.tsnext.grpc.messages.inference.PredictionResponse;
import org.tsnext.grpc.messages.inference.PredictionsRequest;
import org.tsnext.transport.testing.LeakWatch;

/** Our reader and writer of messages beside those that protoc makes. */
public class MessageTest {

  private static final long SEED = 20261125;

  private LeakWatch leaks;

  @BeforeClass
  public void watch() {
    leaks = new LeakWatch();
  }

  @AfterClass(alwaysRun = true)
  public void nothingLeaks() throws InterruptedException {
    leaks.check();
  }

  /** The message as we read it, or null if we refuse it. */
  private static PredictionsRequest read(byte[] bytes) {
    Prediction prediction = PredictionMarshaller.INSTANCE.parse(new ByteArrayInputStream(bytes));
    try {
      if (prediction.fault().isPresent()) {
        assertTrue(
            prediction.fault().get().getMessage().contains(" is not a PredictionsRequest: "));
        return null;
      }
      Map<String, ByteString> inputs = new HashMap<>();
      prediction
          .inputs()
          .forEach(
              input -> inputs.put(input.name(), ByteString.copyFrom(input.value().nioBuffer())));
      PredictionsRequest.Builder request =
          PredictionsRequest.newBuilder()
              .setModelName(prediction.modelName())
              .setModelVersion(prediction.modelVersion())
              .putAllInput(inputs);
      prediction.sequenceId().ifPresent(request::setSequenceId);
      return request.build();
    } finally {
      prediction.release();
    }
  }

  private static PredictionsRequest random(Random random) {
    PredictionsRequest.Builder request = PredictionsRequest.newBuilder();
    if (random.nextInt(4) > 0) {
      request.setModelName("model-" + random.nextInt() + "äöü€😀".substring(random.nextInt(4)));
    }
    if (random.nextBoolean()) {
      request.setModelVersion("1." + random.nextInt(10));
    }
    for (int i = random.nextInt(4); i > 0; i--) {
      byte[] value =
          new byte[random.nextInt(10) == 0 ? random.nextInt(70_000) : random.nextInt(40)];
      random.nextBytes(value);
      request.putInput("input-" + random.nextInt(100), ByteString.copyFrom(value));
    }
    if (random.nextBoolean()) {
      request.setSequenceId(random.nextBoolean() ? "" : "sequence");
    }
    return request.build();
  }

  @Test
  public void messagesAreReadAsProtocReadsThem() {
    Random random = new Random(SEED);
    for (int i = 0; i < 2000; i++) {
      PredictionsRequest request = random(random);
      assertEquals(read(request.toByteArray()), request);
    }
  }

  @Test
  public void messageThatIsCutIsRefusedOrOneThatIsAllowed() throws InvalidProtocolBufferException {
    byte[] whole =
        random(new Random(7)).toBuilder()
            .putInput("x", ByteString.copyFromUtf8("y"))
            .setModelName("cats")
            .build()
            .toByteArray();
    for (int length = 0; length < Math.min(whole.length, 200); length++) {
      byte[] part = Arrays.copyOf(whole, length);
      PredictionsRequest ours = read(part);
      if (ours != null) {
        assertEquals(ours, PredictionsRequest.parseFrom(part));
      }
    }
  }

  @Test
  public void tenThousandMalformedMessagesAreRefusedOrReadAsProtocReadsThem()
      throws InvalidProtocolBufferException {
    Random random = new Random(SEED);
    int refused = 0;
    for (int i = 0; i < 10_000; i++) {
      byte[] bytes = random(random).toByteArray();
      if (bytes.length == 0) {
        continue;
      }
      for (int change = random.nextInt(4); change >= 0; change--) {
        bytes[random.nextInt(Math.min(bytes.length, 60))] = (byte) random.nextInt();
      }
      PredictionsRequest ours = read(bytes);
      if (ours == null) {
        refused++;
      } else {
        PredictionsRequest theirs = PredictionsRequest.parseFrom(bytes);
        assertEquals(ours, theirs.toBuilder().setUnknownFields(ours.getUnknownFields()).build());
      }
    }
    assertTrue(refused > 1000, refused + " refused");
  }

  @Test
  public void lengthsThatLieAreRefusedBeforeAnythingIsAllocated() {
    // model_name with a length of 2 GiB, of 2^63, and an input within whose entry the value lies.
    assertEquals(read(bytes(0x0a, 0xff, 0xff, 0xff, 0xff, 0x07)), null);
    assertEquals(
        read(bytes(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)), null);
    assertEquals(read(bytes(0x1a, 0x02, 0x12, 0x05)), null);
  }

  private static byte[] bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes;
  }

  @Test
  public void responsesAreWrittenAsProtocReadsThem() throws IOException {
    Status status =
        Status.newBuilder()
            .setCode(5)
            .setMessage("none")
            .addDetails(Any.getDefaultInstance())
            .build();
    for (int length : new int[] {0, 1, 127, 128, 70_000}) {
      for (Optional<String> sequence :
          List.of(Optional.<String>empty(), Optional.of(""), Optional.of("s"))) {
        for (Optional<Status> failure : List.of(Optional.<Status>empty(), Optional.of(status))) {
          byte[] bytes = new byte[length];
          new Random(SEED).nextBytes(bytes);
          PredictionResponse.Builder expected =
              PredictionResponse.newBuilder().setPrediction(ByteString.copyFrom(bytes));
          sequence.ifPresent(expected::setSequenceId);
          failure.ifPresent(expected::setStatus);
          ByteBuf body = Unpooled.directBuffer(Math.max(1, length)).writeBytes(bytes);
          OutgoingPrediction response = new OutgoingPrediction(body, sequence, failure);
          byte[] written = written(response);
          response.release();
          assertEquals(PredictionResponse.parseFrom(written), expected.build());
          assertEquals(body.refCnt(), 0);
        }
      }
    }
  }

  private static byte[] written(OutgoingPrediction response) throws IOException {
    ByteArrayOutputStream target = new ByteArrayOutputStream();
    var stream = OutgoingPredictionMarshaller.INSTANCE.stream(response);
    assertNotNull(stream);
    assertEquals(stream.available(), ((Drainable) stream).drainTo(target));
    return target.toByteArray();
  }
}
