package org.tsnext.server.machine;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What SIGTERM and SIGINT do. The JDK has no public class for it; where its private one is out of
 * reach, the JVM's own behaviour stays, which runs the shutdown hooks at the first signal and
 * ignores the second.
 */
public final class Signals {
  private static final Logger LOGGER = LoggerFactory.getLogger(Signals.class);

  private final AtomicInteger seen = new AtomicInteger();
  private final IntConsumer first;
  private final IntConsumer later;

  /**
   * @param first called with the exit status at the first signal, on a thread of its own
   * @param later the same at each further one
   */
  public Signals(IntConsumer first, IntConsumer later) {
    this.first = first;
    this.later = later;
  }

  /** Begins to listen. */
  public void install() {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Method handle = signal.getMethod("handle", signal, handler);
      Method number = signal.getMethod("getNumber");
      Object proxy =
          Proxy.newProxyInstance(
              Signals.class.getClassLoader(),
              new Class<?>[] {handler},
              (self, method, arguments) ->
                  switch (method.getName()) {
                    case "handle" -> {
                      arrived((int) number.invoke(arguments[0]));
                      yield null;
                    }
                    case "hashCode" -> System.identityHashCode(self);
                    case "equals" -> self == arguments[0];
                    default -> "signal handler of the server";
                  });
      for (String name : new String[] {"TERM", "INT"}) {
        handle.invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
      }
    } catch (ReflectiveOperationException e) {
      Throwable why = e instanceof InvocationTargetException ? e.getCause() : e;
      LOGGER.debug("A second signal will not hasten the end of the server: {}", why.toString());
    }
  }

  /** A signal came. Visible for tests. */
  void arrived(int number) {
    (seen.getAndIncrement() == 0 ? first : later).accept(128 + number);
  }
}
