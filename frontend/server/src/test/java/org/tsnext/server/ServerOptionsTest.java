package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.server.settings.SettingsLoader.Given;

public class ServerOptionsTest {
  @Test
  public void everyOptionIsUnderstoodInItsShortForm() throws CommandLineException {
    ServerOptions options =
        ServerOptions.parse(
            "-f",
            "c.properties",
            "-e",
            "/bin/python",
            "-s",
            "/store",
            "-w",
            "/workflows",
            "-clog",
            "/log.yaml",
            "-dt",
            "-mapi",
            "-ncs",
            "-m",
            "a.mar",
            "b=c",
            "--ts-home",
            "/lib/ts",
            "--status-file",
            "/run/status",
            "--console",
            "off");
    assertEquals(options.configFile(), Optional.of("c.properties"));
    assertEquals(options.statusFile(), Optional.of(Path.of("/run/status")));
    assertEquals(options.console(), Optional.of(false));
    assertEquals(
        options.settings(),
        Map.of(
            "python", new Given("--python", "/bin/python"),
            "model_store", new Given("--model-store", "/store"),
            "workflow_store", new Given("--workflow-store", "/workflows"),
            "cpp_log_config", new Given("--cpp-log-config", "/log.yaml"),
            "disable_token_authorization", new Given("--disable-token-auth", "true"),
            "enable_model_api", new Given("--enable-model-api", "true"),
            "load_models", new Given("--models", "a.mar,b=c"),
            "model_server_home", new Given("--ts-home", "/lib")));
  }

  @Test
  public void wordByWhichToolsFindTheProcessHasNoEffect() throws CommandLineException {
    assertEquals(
        ServerOptions.parse("--known-as", "org.pytorch.serve.ModelServer"), ServerOptions.parse());
  }

  @Test
  public void longFormsMeanTheSame() throws CommandLineException {
    ServerOptions options =
        ServerOptions.parse(
            "--ts-config-file",
            "c",
            "--python",
            "p",
            "--model-store",
            "s",
            "--models",
            "x",
            "--disable-token-auth",
            "--enable-model-api",
            "--no-config-snapshot",
            "--print-config");
    assertEquals(options.configFile(), Optional.of("c"));
    assertEquals(options.task(), new ServerOptions.Task.PrintConfig());
    assertFalse(options.snapshots());
    assertEquals(options.settings().size(), 5);
  }

  @Test
  public void nothingGivenIsNothingSet() throws CommandLineException {
    ServerOptions options = ServerOptions.parse();
    assertEquals(
        options,
        new ServerOptions(
            Optional.empty(),
            Map.of(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            true,
            new ServerOptions.Task.Serve()));
  }

  @DataProvider
  public Object[][] nonsense() {
    return new Object[][] {
      {new String[] {"--nope"}, "--nope"},
      {new String[] {"word"}, "word"},
      {new String[] {"-f"}, "f"},
      {new String[] {"--console", "maybe"}, "maybe"},
      {new String[] {"--ts-home", "/lib/other"}, "/lib/other"},
    };
  }

  @Test(dataProvider = "nonsense")
  public void nonsenseIsNamed(String[] words, String named) {
    CommandLineException e =
        expectThrows(CommandLineException.class, () -> ServerOptions.parse(words));
    assertTrue(e.getMessage().contains(named), e.getMessage());
  }

  @Test
  public void usageNamesEveryOption() {
    for (String option :
        new String[] {
          "-f, --ts-config-file <file>", "-mapi, --enable-model-api", "--ts-home <dir>"
        }) {
      assertTrue(ServerOptions.usage().contains(option), ServerOptions.usage());
    }
  }
}
