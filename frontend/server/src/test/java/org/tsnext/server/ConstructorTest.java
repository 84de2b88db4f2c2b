package org.tsnext.server;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.constructors;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.Test;

/** More values than a reader can tell apart by their places belong in nested records. */
public class ConstructorTest {

  private static final int MAX_PARAMETERS = 7;

  /** Of an enum's constructor, before its own: the name and the number of the constant. */
  private static final int PARAMETERS_OF_ENUMS = 2;

  private JavaClasses classes;

  @BeforeClass
  void readClasses() {
    classes =
        ProductionClasses.read()
            .that(
                DescribedPredicate.describe(
                    "are written by hand",
                    type -> !type.getPackageName().startsWith("org.tsnext.grpc.messages")));
  }

  @Test
  public void noConstructorTakesMoreThanSevenValues() {
    // Those of anonymous and local classes get what they capture, which stands in no source.
    constructors()
        .that()
        .areDeclaredInClassesThat(
            DescribedPredicate.describe(
                "have a name for all", type -> !type.isAnonymousClass() && !type.isLocalClass()))
        .should(takeFewValues())
        .check(classes);
  }

  @Test
  public void noFactoryOfAValueTakesMoreThanSevenValues() {
    methods()
        .that()
        .areStatic()
        .and(
            DescribedPredicate.describe(
                "return their own class", method -> returnsOwner((JavaCodeUnit) method)))
        .and(
            DescribedPredicate.describe(
                "stand in the source",
                method -> !method.getModifiers().contains(JavaModifier.SYNTHETIC)))
        .should(takeFewValues())
        .check(classes);
  }

  private static boolean returnsOwner(JavaCodeUnit method) {
    return method.getRawReturnType().equals(method.getOwner());
  }

  private static <T extends JavaCodeUnit> ArchCondition<T> takeFewValues() {
    return new ArchCondition<>("take at most " + MAX_PARAMETERS + " values") {
      @Override
      public void check(T unit, ConditionEvents events) {
        int taken = unit.getRawParameterTypes().size() - hidden(unit);
        if (taken > MAX_PARAMETERS) {
          events.add(
              SimpleConditionEvent.violated(
                  unit, unit.getDescription() + " takes " + taken + " values"));
        }
      }
    };
  }

  private static int hidden(JavaCodeUnit unit) {
    JavaClass owner = unit.getOwner();
    return owner.isEnum() && unit.isConstructor() ? PARAMETERS_OF_ENUMS : 0;
  }
}
