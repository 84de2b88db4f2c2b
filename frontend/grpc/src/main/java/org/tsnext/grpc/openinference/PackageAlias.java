package org.tsnext.grpc.openinference;

import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.MethodDescriptorProto;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.FileDescriptor;

/** Describes a file as it would be in another package, for clients that look by reflection. */
final class PackageAlias {

  private final String from;
  private final String to;

  private PackageAlias(String from, String to) {
    this.from = "." + from + ".";
    this.to = "." + to + ".";
  }

  /** The same definitions under another package. The file imports no other. */
  static FileDescriptor of(FileDescriptor file, String packageName) {
    if (file.getPackage().equals(packageName)) {
      return file;
    }
    PackageAlias alias = new PackageAlias(file.getPackage(), packageName);
    FileDescriptorProto.Builder moved =
        file.toProto().toBuilder()
            .setName(packageName + "/" + file.getName())
            .setPackage(packageName);
    moved.getMessageTypeBuilderList().forEach(alias::move);
    moved
        .getServiceBuilderList()
        .forEach(service -> service.getMethodBuilderList().forEach(alias::move));
    try {
      return FileDescriptor.buildFrom(moved.build(), new FileDescriptor[0]);
    } catch (DescriptorValidationException e) {
      throw new IllegalStateException("The definitions depend on their package", e);
    }
  }

  private void move(DescriptorProto.Builder message) {
    for (FieldDescriptorProto.Builder field : message.getFieldBuilderList()) {
      if (field.hasTypeName()) {
        field.setTypeName(moved(field.getTypeName()));
      }
    }
    message.getNestedTypeBuilderList().forEach(this::move);
  }

  private void move(MethodDescriptorProto.Builder method) {
    method.setInputType(moved(method.getInputType()));
    method.setOutputType(moved(method.getOutputType()));
  }

  private String moved(String type) {
    return type.startsWith(from) ? to + type.substring(from.length()) : type;
  }
}
