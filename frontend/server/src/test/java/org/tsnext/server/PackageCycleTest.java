package org.tsnext.server;

import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.testng.Assert.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.compatibility.Deviation;

/** The packages of all modules, which this module's class path has together. */
public class PackageCycleTest {
  private JavaClasses classes;

  @BeforeClass
  void readClasses() {
    classes = ProductionClasses.read();
  }

  @DataProvider
  Object[] packagesOfModules() {
    return new Object[] {
      Deviation.class.getPackageName(),
      "org.tsnext.archive",
      "org.tsnext.core",
      "org.tsnext.api",
      "org.tsnext.transport",
      "org.tsnext.worker",
      "org.tsnext.http",
      "org.tsnext.grpc",
      "org.tsnext.server"
    };
  }

  @Test(dataProvider = "packagesOfModules")
  public void eachModuleIsLookedAt(String name) {
    assertTrue(classes.stream().anyMatch(type -> type.getPackageName().equals(name)), name);
  }

  @Test
  public void noPackageDependsOnItselfByWayOfOthers() {
    slices().matching("org.tsnext.(**)").should().beFreeOfCycles().check(classes);
  }
}
