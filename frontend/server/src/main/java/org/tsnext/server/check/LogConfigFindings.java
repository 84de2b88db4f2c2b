package org.tsnext.server.check;

import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Properties;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.parsers.SAXParserFactory;
import org.apache.logging.log4j.core.config.Node;
import org.apache.logging.log4j.core.config.plugins.util.PluginManager;
import org.xml.sax.Attributes;
import org.xml.sax.InputSource;
import org.xml.sax.Locator;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;
import org.xml.sax.helpers.DefaultHandler;

/** What there is to say of log4j2 files. They are read, never set up: no log file is made. */
public final class LogConfigFindings {
  private static final String FILE = "file:";
  private static final String ADVICE =
      "correct the name, or take the element out; log4j-core's own plug-ins are there, and"
          + " JSONPatternLayout and QLogLayout";

  private final PluginManager plugins = new PluginManager(Node.CATEGORY);

  private LogConfigFindings() {
    plugins.collectPlugins();
  }

  /**
   * Of the files that a start would use.
   *
   * @param location a path, or what {@code -Dlog4j.configurationFile} is given: URLs between commas
   */
  public static List<Finding> of(Optional<String> location) {
    List<Finding> findings = new ArrayList<>();
    for (String one : location.map(text -> text.split(",")).orElse(new String[0])) {
      findings.addAll(new LogConfigFindings().read(one.strip()));
    }
    return findings;
  }

  private List<Finding> read(String location) {
    Path file;
    try {
      boolean isUrl = location.matches("[A-Za-z][A-Za-z0-9+.-]+:.*");
      if (isUrl && !location.startsWith(FILE)) {
        return List.of(Finding.works(location, "log4j fetches it; the check does not look at it"));
      }
      file = isUrl ? Path.of(URI.create(location).getPath()) : Path.of(location).toAbsolutePath();
    } catch (IllegalArgumentException | NullPointerException e) {
      return List.of(
          Finding.fails(location, "It is not the URL of a file", "write file:///<absolute path>"));
    }
    String name = file.toString();
    try (InputStream bytes = Files.newInputStream(file)) {
      List<Finding> findings = parse(name, bytes);
      return findings.isEmpty()
          ? List.of(
              Finding.works(name, "The log4j2 file is well-formed, and its plug-ins are known"))
          : findings;
    } catch (IOException e) {
      return List.of(
          Finding.fails(name, "The log4j2 file cannot be read: " + e, "name a file that exists"));
    }
  }

  private List<Finding> parse(String name, InputStream bytes) throws IOException {
    String lower = name.toLowerCase(Locale.ROOT);
    String ending = lower.substring(lower.lastIndexOf('.') + 1);
    return switch (ending) {
      case "properties" -> ofProperties(name, bytes);
      case "json", "jsn", "yaml", "yml" ->
          List.of(
              Finding.fails(
                  name,
                  "log4j reads files in "
                      + ending
                      + " with Jackson, which the server does not have",
                  "write the same in XML"));
      default -> ofXml(name, bytes);
    };
  }

  private List<Finding> ofProperties(String name, InputStream bytes) throws IOException {
    Properties properties = new Properties();
    try {
      properties.load(bytes);
    } catch (IllegalArgumentException e) {
      return List.of(
          Finding.fails(
              name, "It is not a properties file: " + e.getMessage(), "correct the file"));
    }
    return properties.stringPropertyNames().stream()
        .filter(key -> key.endsWith(".type"))
        .sorted()
        .filter(key -> plugins.getPluginType(properties.getProperty(key).strip()) == null)
        .map(
            key ->
                Finding.fails(
                    name,
                    "%s=%s names no plug-in that log4j knows here"
                        .formatted(key, properties.getProperty(key)),
                    ADVICE))
        .toList();
  }

  private List<Finding> ofXml(String name, InputStream bytes) throws IOException {
    Elements elements = new Elements();
    try {
      SAXParserFactory.newInstance().newSAXParser().parse(bytes, elements);
    } catch (SAXParseException e) {
      return List.of(
          Finding.fails(
              name,
              "It is not well-formed XML: line %d, column %d: %s"
                  .formatted(e.getLineNumber(), e.getColumnNumber(), e.getMessage()),
              "correct the file; log4j would go on with its own default, to the console"));
    } catch (SAXException | ParserConfigurationException e) {
      throw new IOException(e);
    }
    return elements.unknown.stream().map(what -> Finding.fails(name, what, ADVICE)).toList();
  }

  /**
   * Elements that name no plug-in, and are no attribute either, which log4j allows as an element
   * with a text.
   */
  private final class Elements extends DefaultHandler {
    private final List<String> unknown = new ArrayList<>();
    private final List<Element> open = new ArrayList<>();
    private Locator place;

    @Override
    public void setDocumentLocator(Locator locator) {
      place = locator;
    }

    /** Nothing outside the file is read. */
    @Override
    public InputSource resolveEntity(String publicId, String systemId) {
      return new InputSource(new StringReader(""));
    }

    @Override
    public void startElement(String uri, String local, String name, Attributes attributes) {
      if (!open.isEmpty()) {
        open.get(open.size() - 1).hasChildren = true;
      }
      // Strict files say by an attribute what others say by the element's name.
      String type = attributes.getValue("type");
      boolean strict = type != null && plugins.getPluginType(name) == null;
      open.add(new Element(strict ? type : name, place.getLineNumber()));
    }

    @Override
    public void characters(char[] text, int start, int length) {
      if (!open.isEmpty() && !new String(text, start, length).isBlank()) {
        open.get(open.size() - 1).hasText = true;
      }
    }

    @Override
    public void endElement(String uri, String local, String name) {
      Element element = open.remove(open.size() - 1);
      boolean known = plugins.getPluginType(element.name) != null;
      boolean isRoot = open.isEmpty();
      boolean isAttribute = element.hasText && !element.hasChildren;
      if (!known && !isRoot && !isAttribute) {
        unknown.add(
            "line %d: <%s> is no plug-in that log4j knows here".formatted(element.line, name));
      }
    }
  }

  /** One that has begun. */
  private static final class Element {
    private final String name;
    private final int line;
    private boolean hasChildren;
    private boolean hasText;

    Element(String name, int line) {
      this.name = name;
      this.line = line;
    }
  }
}
