package org.tsnext.grpc.management;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.MessageOrBuilder;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.api.Parameters;

/**
 * The fields of a message, which have the names of the parameters. As in TorchServe 0.12 an empty
 * text is not given, nor is a number that is too small; a switch that is not sent is off.
 */
record MessageParameters(MessageOrBuilder message) implements Parameters {

  @Override
  public Optional<String> text(String name) {
    return Optional.of((String) message.getField(field(name))).filter(text -> !text.isEmpty());
  }

  /** Zero counts where the field tells it from nothing. */
  @Override
  public OptionalInt integer(String name) {
    FieldDescriptor field = field(name);
    int value = (int) message.getField(field);
    boolean given = field.hasPresence() ? message.hasField(field) : value != 0;
    return given ? OptionalInt.of(value) : OptionalInt.empty();
  }

  @Override
  public OptionalInt integerFrom(String name, int minimum) {
    OptionalInt given = integer(name);
    return given.isPresent() && given.getAsInt() < minimum ? OptionalInt.empty() : given;
  }

  @Override
  public Optional<Boolean> flag(String name) {
    return Optional.of((Boolean) message.getField(field(name)));
  }

  private FieldDescriptor field(String name) {
    return message.getDescriptorForType().findFieldByName(name);
  }
}
