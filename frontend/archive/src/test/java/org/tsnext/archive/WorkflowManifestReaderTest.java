package org.tsnext.archive;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class WorkflowManifestReaderTest {

  private final WorkflowManifestReader reader = new WorkflowManifestReader();

  @Test
  public void manifestOfTheOriginalArchiverIsRead() throws ArchiveException {
    assertEquals(
        reader.parse(
            """
            {
              "createdOn": "22/11/2026 11:53:30",
              "workflow": {"workflowName": "w", "specFile": "s.yaml", "handler": "h1.py"},
              "archiverVersion": "0.2.15"
            }
            """),
        new WorkflowManifest("w", "s.yaml", Optional.of("h1.py")));
  }

  @DataProvider
  public Object[][] refused() {
    String both = "\"createdOn\": \"1\", \"archiverVersion\": \"1\"";
    return new Object[][] {
      {"[]", "is not a JSON object"},
      {"{" + both + "}", "Missing Workflow entry in manifest file."},
      {"{" + both + ", \"workflow\": {\"specFile\": \"s\"}}", "has no 'workflowName'"},
      {"{" + both + ", \"workflow\": {\"workflowName\": \"w\"}}", "has no 'specFile'"},
      {
        "{\"createdOn\": \"1\", \"workflow\": {\"workflowName\": \"w\", \"specFile\": \"s\"}}",
        "has no 'archiverVersion'"
      },
      {
        "{" + both + ", \"workflow\": {\"workflowName\": \"w\", \"specFile\": \"../s\"}}",
        "a file inside the workflow's folder"
      },
    };
  }

  @Test(dataProvider = "refused")
  public void wrongManifestsAreNamed(String text, String part) {
    ArchiveException error = expectThrows(ArchiveException.class, () -> reader.parse(text));
    assertTrue(error.getMessage().contains(part), error.getMessage());
  }
}
