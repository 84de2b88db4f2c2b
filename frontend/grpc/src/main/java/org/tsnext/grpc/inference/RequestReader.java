package org.tsnext.grpc.inference;

import io.grpc.Metadata;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.api.Parameters;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.SequenceHeaders;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputLimits;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.grpc.call.CallFacts;
import org.tsnext.grpc.call.InboundCall;

/** Makes the core's requests of messages and what came with their call. */
public final class RequestReader {

  private static final String TRUE = "true";

  private static final int MAX_SEQUENCE_ID = 256;

  private final SequenceHeaders names;
  private final HeaderPolicy policy;

  /**
   * @param names of the request headers by which handlers know sequences
   * @param policy which metadata handlers get
   */
  public RequestReader(SequenceHeaders names, HeaderPolicy policy) {
    this.names = names;
    this.policy = policy;
  }

  /** What the requests of the call that runs on this thread have in common. */
  CallFacts facts(Metadata metadata) {
    return CallFacts.of(metadata, policy, InboundCall.currentTimeline());
  }

  /**
   * A request of a call without sequences of its own; a sequence that its message names is said in
   * a header. Takes the inputs over, which are released if this throws.
   *
   * @throws ServingException BAD_REQUEST naming what is wrong with the message
   */
  InferenceRequest request(
      Prediction message, String id, CallFacts facts, Optional<Duration> timeout) {
    try {
      check(message);
      List<Header> headers = facts.headers();
      Optional<String> sequence = message.sequenceId().filter(text -> !text.isEmpty());
      if (sequence.isPresent()) {
        checkSequence(sequence.get());
        headers = new ArrayList<>(headers);
        headers.removeIf(header -> header.name().equalsIgnoreCase(names.id()));
        headers.add(new Header(names.id(), sequence.get()));
      }
      return request(message, id, facts, headers, timeout);
    } catch (ServingException e) {
      message.release();
      throw e;
    }
  }

  /**
   * A request of a stream of sequences: with the sequence, and where it starts or ends as the
   * inputs of these names say. Takes the inputs over, which are released if this throws.
   *
   * @throws ServingException BAD_REQUEST naming what is wrong with the message
   */
  InferenceRequest requestOf(
      String sequence, Prediction whole, String id, CallFacts facts, Optional<Duration> timeout) {
    Prediction message = whole.without(input -> isFlag(input) && !isTrue(input));
    try {
      checkSequence(sequence);
      check(message);
      List<Header> headers = new ArrayList<>(facts.headers());
      headers.removeIf(header -> names.contains(header.name()));
      headers.add(new Header(names.id(), sequence));
      if (says(message, names.start())) {
        headers.add(new Header(names.start(), TRUE));
      }
      if (says(message, names.end())) {
        headers.add(new Header(names.end(), TRUE));
      }
      return request(message, id, facts, headers, timeout);
    } catch (ServingException e) {
      message.release();
      throw e;
    }
  }

  /** Whether the message starts a sequence. */
  boolean starts(Prediction message) {
    return says(message, names.start());
  }

  private static InferenceRequest request(
      Prediction message,
      String id,
      CallFacts facts,
      List<Header> headers,
      Optional<Duration> timeout) {
    return new InferenceRequest(
        id,
        new InferenceRequest.Target(
            message.modelName(),
            message.modelVersion().isEmpty()
                ? Optional.empty()
                : Optional.of(message.modelVersion())),
        facts.kind(),
        new InferenceRequest.Origin(Protocol.GRPC, false, facts.timeline()),
        headers,
        inputs(message, facts.contentType()),
        timeout);
  }

  private static List<InputPart> inputs(Prediction message, String contentType) {
    return contentType.isEmpty()
        ? message.inputs()
        : message.inputs().stream()
            .map(input -> new InputPart(input.name(), contentType, input.value()))
            .toList();
  }

  private static void check(Prediction message) {
    if (message.fault().isPresent()) {
      throw message.fault().get();
    }
    if (message.modelName().isEmpty()) {
      throw Parameters.missing("model_name");
    }
    InputLimits.check(message.inputs());
  }

  private static void checkSequence(String id) {
    if (id.length() > MAX_SEQUENCE_ID) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST,
          "The sequence id has "
              + id.length()
              + " characters, expected at most "
              + MAX_SEQUENCE_ID
              + ".");
    }
    if (id.chars().anyMatch(Character::isISOControl)) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST,
          "The sequence id has control characters, expected printable ones.");
    }
  }

  private boolean isFlag(InputPart input) {
    return input.name().equals(names.start()) || input.name().equals(names.end());
  }

  private static boolean isTrue(InputPart input) {
    return input.value().readableBytes() == TRUE.length()
        && input.value().toString(StandardCharsets.US_ASCII).equalsIgnoreCase(TRUE);
  }

  private static boolean says(Prediction message, String name) {
    for (InputPart input : message.inputs()) {
      if (input.name().equals(name)) {
        return isTrue(input);
      }
    }
    return false;
  }
}
