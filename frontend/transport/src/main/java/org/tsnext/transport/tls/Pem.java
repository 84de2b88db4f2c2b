package org.tsnext.transport.tls;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The blocks of a PEM file. */
final class Pem {
  private static final Pattern BLOCK =
      Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \\1-----", Pattern.DOTALL);

  /** A header of the old, weak form of encryption, {@code Proc-Type: 4,ENCRYPTED}. */
  private static final Pattern HEADER = Pattern.compile("(?m)^[A-Za-z-]+:.*$");

  private Pem() {}

  /** One block: its label, whether it has headers, and what it holds. */
  static final class Block {
    private final String label;
    private final boolean headers;
    private final byte[] der;

    private Block(String label, boolean headers, byte[] der) {
      this.label = label;
      this.headers = headers;
      this.der = der;
    }

    String label() {
      return label;
    }

    /** Whether it is encrypted in the form before PKCS#8. */
    boolean hasHeaders() {
      return headers;
    }

    byte[] der() {
      return der;
    }
  }

  /**
   * Reads all blocks, in order.
   *
   * @throws IllegalArgumentException if the text between two marks is not base 64
   */
  static List<Block> blocks(byte[] file) {
    List<Block> blocks = new ArrayList<>();
    Matcher matcher = BLOCK.matcher(new String(file, StandardCharsets.ISO_8859_1));
    while (matcher.find()) {
      String body = matcher.group(2);
      boolean headers = HEADER.matcher(body).find();
      byte[] der = headers ? new byte[0] : Base64.getDecoder().decode(body.replaceAll("\\s", ""));
      blocks.add(new Block(matcher.group(1), headers, der));
    }
    return blocks;
  }
}
