package org.tsnext.api;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import com.google.gson.JsonObject;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.testng.Assert.ThrowingRunnable;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.testing.FakeModels;

/** What every transport says of models; what only HTTP says is tested there. */
public final class ModelOperationsTest {

  private FakeModels models;
  private ModelOperations operations;

  @BeforeMethod
  void start() {
    models = new FakeModels();
    operations = new ModelOperations(models, true, Compatibility.NEXT);
  }

  /** Parameters of a map. */
  private record Given(Map<String, Object> values) implements Parameters {
    @Override
    public Optional<String> text(String name) {
      return Optional.ofNullable((String) values.get(name));
    }

    @Override
    public OptionalInt integer(String name) {
      Integer value = (Integer) values.get(name);
      return value == null ? OptionalInt.empty() : OptionalInt.of(value);
    }

    @Override
    public Optional<Boolean> flag(String name) {
      return Optional.ofNullable((Boolean) values.get(name));
    }
  }

  @Test
  public void transportDecidesWhetherARegistrationWaitsUnlessTheClientDoes() throws Exception {
    for (boolean synchronous : new boolean[] {true, false}) {
      operations.register(new Given(Map.of("url", "a.mar")), synchronous).join();
      assertEquals(((RegisterModel) models.requests.take()).synchronous(), synchronous);
      operations
          .register(new Given(Map.of("url", "a.mar", "synchronous", !synchronous)), synchronous)
          .join();
      assertEquals(((RegisterModel) models.requests.take()).synchronous(), !synchronous);
    }
  }

  @Test
  public void endlessWordsAreRefusedBrieflyBeforeAWorkerChokesOnThem() {
    for (String parameter : new String[] {"handler", "runtime"}) {
      ServingException error =
          expectThrows(
              ServingException.class,
              () ->
                  operations
                      .register(
                          new Given(Map.of("url", "a.mar", parameter, "x".repeat(1 << 20))), true)
                      .join());
      assertEquals(error.kind(), ErrorKind.BAD_REQUEST);
      assertTrue(error.getMessage().length() < 300, parameter);
    }
    assertTrue(models.requests.isEmpty());
  }

  @Test
  public void noTransportRegistersOrUnregistersWhileTheModelApiIsOff() {
    ModelOperations off = new ModelOperations(models, false, Compatibility.NEXT);
    for (ThrowingRunnable call :
        new ThrowingRunnable[] {
          () -> off.register(new Given(Map.of("url", "a.mar")), true).join(),
          () -> off.unregister("cats", Optional.empty()).join()
        }) {
      ServingException error = expectThrows(ServingException.class, call);
      assertEquals(error.kind(), ErrorKind.MODEL_API_DISABLED);
    }
    assertTrue(models.requests.isEmpty());
  }

  @Test
  public void handlersWordsMayBeCutInTheMiddleOfACharacter() {
    CustomizedDescription description = operations.describeCustomized("cats", Optional.empty());
    byte[] said = "{\"labels\": \"Käse\"}".getBytes(StandardCharsets.UTF_8);
    for (byte b : said) {
      description.add(Unpooled.wrappedBuffer(new byte[] {b}));
    }
    JsonObject model = description.json().get(0).getAsJsonObject();
    assertEquals(model.getAsJsonObject("customizedMetadata").get("labels").getAsString(), "Käse");
  }

  @Test
  public void handlersWordsHaveALimitAndAreReleased() {
    CustomizedDescription description = operations.describeCustomized("cats", Optional.empty());
    ByteBuf tooMuch = Unpooled.buffer().writeZero((1 << 20) + 1);
    assertThrows(ServingException.class, () -> description.add(tooMuch));
    assertEquals(tooMuch.refCnt(), 0);
  }
}
