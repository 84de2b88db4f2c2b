package org.tsnext.archive.remote;

import java.util.Arrays;
import java.util.stream.Collectors;

/** Percent-encoding as AWS signs it: everything but unreserved characters. */
final class AwsEncoding {

  private static final String UNRESERVED = "-._~";

  private AwsEncoding() {}

  /** The path of a normalised URL; its slashes stay. */
  static String path(String path) {
    return encode(PercentDecoding.bytes(path), "/");
  }

  /** The query of a normalised URL, with its question mark; parameters sorted, none given back. */
  static String query(String query) {
    if (query.length() <= 1) {
      return "";
    }
    return Arrays.stream(query.substring(1).split("&"))
        .map(AwsEncoding::parameter)
        .sorted()
        .collect(Collectors.joining("&"));
  }

  private static String parameter(String parameter) {
    int equals = parameter.indexOf('=');
    String name = equals < 0 ? parameter : parameter.substring(0, equals);
    String value = equals < 0 ? "" : parameter.substring(equals + 1);
    return encode(PercentDecoding.bytes(name), "") + "=" + encode(PercentDecoding.bytes(value), "");
  }

  private static String encode(byte[] bytes, String kept) {
    StringBuilder text = new StringBuilder(bytes.length);
    for (byte b : bytes) {
      char c = (char) (b & 0xFF);
      boolean plain =
          (c < 0x80 && Character.isLetterOrDigit(c))
              || UNRESERVED.indexOf(c) >= 0
              || kept.indexOf(c) >= 0;
      text.append(plain ? String.valueOf(c) : "%%%02X".formatted((int) c));
    }
    return text.toString();
  }
}
