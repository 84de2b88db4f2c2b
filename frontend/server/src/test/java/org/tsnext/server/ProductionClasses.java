package org.tsnext.server;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.Location;

/** The classes of all modules, which this module's class path has together, without tests. */
final class ProductionClasses {

  private ProductionClasses() {}

  static JavaClasses read() {
    return new ClassFileImporter()
        .withImportOption(ProductionClasses::isProductionCode)
        .importPackages("org.tsnext");
  }

  private static boolean isProductionCode(Location location) {
    return !location.contains("/test-classes/") && !location.contains("-tests.jar");
  }
}
