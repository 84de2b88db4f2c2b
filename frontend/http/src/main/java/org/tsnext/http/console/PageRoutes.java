package org.tsnext.http.console;

import static io.netty.handler.codec.http.HttpMethod.GET;

import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import org.tsnext.core.access.Access;
import org.tsnext.core.request.Header;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.LaterResponse;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;

/**
 * The files of the web pages. They are the same for everyone and hold nothing of this server, so
 * that a browser gets them without a token. Each is read when it is first asked for.
 */
public final class PageRoutes {

  /** Where the console is. */
  public static final String CONSOLE = "/console";

  /** Where the page of the API is, beside {@code /openapi.json}. */
  public static final String API = "/openapi";

  private static final String LICENSES = "licenses.txt";

  private static final String NOT_BUILT =
      "The web pages are not in this build: they need Node.js and npm where the server is built."
          + " The API is there all the same, see /openapi.json.\n";

  private final Executor executor;
  private final boolean built = PageFile.areBuilt();
  private final Map<String, CompletableFuture<PageFile>> files = new ConcurrentHashMap<>();

  /**
   * Makes the routes of pages.
   *
   * @param executor reads files
   */
  public PageRoutes(Executor executor) {
    this.executor = executor;
  }

  /** The files of the console. */
  public List<Route> console() {
    return routes(CONSOLE, "console", List.of("page.js", "page.css", "icon.svg", LICENSES));
  }

  /** The files of the page that shows and tries the API of a listener. */
  public List<Route> api() {
    return routes(
        API,
        "api-page",
        List.of(
            "page.js", "page.css", "icon.svg", "swagger-ui-bundle.js", "swagger-ui.css", LICENSES));
  }

  private List<Route> routes(String path, String folder, List<String> names) {
    List<Route> routes = new ArrayList<>();
    routes.add(route(path, request -> page(request, path, folder + "/index.html")));
    for (String name : names) {
      routes.add(route(path + "/" + name, request -> send(request, folder + "/" + name)));
    }
    return routes;
  }

  private static Route route(String path, RouteHandler handler) {
    return Route.undocumented(List.of(GET), path, handler).withAccess(Access.PAGE);
  }

  /** The names in a page are relative, so that it works behind a proxy with a path of its own. */
  private void page(RoutedRequest request, String path, String name) {
    String target = request.exchange().rawTarget();
    int end = target.indexOf('?');
    if ((end < 0 ? target : target.substring(0, end)).endsWith("/")) {
      send(request, name);
    } else {
      String last = path.substring(path.lastIndexOf('/') + 1) + "/";
      request
          .exchange()
          .send(
              new Response(
                  308,
                  "",
                  Optional.empty(),
                  List.of(new Header("location", last)),
                  Unpooled.EMPTY_BUFFER));
    }
  }

  private void send(RoutedRequest request, String name) {
    if (!built) {
      request
          .exchange()
          .send(
              new Response(
                  404,
                  "",
                  Optional.of("text/plain; charset=utf-8"),
                  List.of(),
                  Unpooled.copiedBuffer(NOT_BUILT, StandardCharsets.UTF_8)));
      return;
    }
    LaterResponse.send(
        request.exchange(),
        files.computeIfAbsent(
            name, file -> CompletableFuture.supplyAsync(() -> PageFile.read(file), executor)),
        file -> file.response(request.exchange()));
  }
}
