package org.tsnext.workflow;

import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelLocation;
import org.tsnext.archive.ModelSource;
import org.tsnext.archive.WorkflowManifest;
import org.tsnext.archive.WorkflowManifestReader;
import org.tsnext.archive.WorkflowSpec;
import org.tsnext.archive.WorkflowSpecReader;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.Names;

/** Opens workflow archives, and makes nodes of what they say. Blocks. Thread-safe. */
final class WorkflowFiles {

  private final ModelSource source;
  private final WorkflowManifestReader manifests = new WorkflowManifestReader();
  private final WorkflowSpecReader specs = new WorkflowSpecReader();

  /**
   * @param source whose store is the workflow store
   */
  WorkflowFiles(ModelSource source) {
    this.source = Objects.requireNonNull(source, "source");
  }

  /**
   * A workflow that can be registered.
   *
   * @param files stay until {@link #release}
   */
  record Opened(
      String name,
      ModelArchive files,
      WorkflowSpec spec,
      WorkflowGraph graph,
      List<WorkflowNode> nodes) {}

  /**
   * Fetches and unpacks the archive, reads and checks what it says.
   *
   * @throws ServingException with nothing left on disk
   */
  Opened open(RegisterWorkflow registration) {
    ModelArchive files = fetch(registration);
    try {
      return read(registration.workflowName(), files);
    } catch (ArchiveException e) {
      source.release(files);
      throw new ServingException(kindOf(e.reason()), e.getMessage(), e);
    } catch (RuntimeException e) {
      source.release(files);
      throw e;
    }
  }

  void release(Opened workflow) {
    source.release(workflow.files());
  }

  private ModelArchive fetch(RegisterWorkflow registration) {
    try {
      return source.open(ModelLocation.parse(registration.url(), false, registration.s3SseKms()));
    } catch (ArchiveException e) {
      ServingException error = new ServingException(kindOf(e.reason()), textOf(e), e);
      throw e.detail().map(error::withDetail).orElse(error);
    }
  }

  /** The store says of models what TorchServe 0.12 says of workflows in other words. */
  private static String textOf(ArchiveException e) {
    return e.getMessage()
        .replace("Model not found at:", "Workflow not found in workflow store:")
        .replace("Model store has not been configured", "Workflow store has not been configured")
        .replace("Failed to download archive", "Failed to download workflow archive file");
  }

  private static ErrorKind kindOf(ArchiveException.Reason reason) {
    return switch (reason) {
      case NOT_FOUND -> ErrorKind.WORKFLOW_NOT_FOUND;
      case INVALID -> ErrorKind.INVALID_WORKFLOW;
      case DOWNLOAD_FAILED -> ErrorKind.DOWNLOAD_FAILED;
      case NO_SPACE -> ErrorKind.OUT_OF_RESOURCES;
      case IO -> ErrorKind.INTERNAL;
    };
  }

  private Opened read(Optional<String> asked, ModelArchive files) throws ArchiveException {
    WorkflowManifest manifest = manifests.read(files.directory());
    String name =
        Names.requireWorkflowName(
            asked.isPresent() ? ErrorKind.BAD_REQUEST : ErrorKind.INVALID_WORKFLOW,
            asked.orElse(manifest.workflowName()));
    WorkflowSpec spec = specs.read(files.directory(), manifest.specFile());
    WorkflowGraph graph = WorkflowGraph.of(spec.dag());
    List<WorkflowNode> nodes = new ArrayList<>();
    for (String node : spec.dag().keySet()) {
      nodes.add(node(name, node, spec, files, manifest));
    }
    return new Opened(name, files, spec, graph, List.copyOf(nodes));
  }

  private static WorkflowNode node(
      String workflow,
      String name,
      WorkflowSpec spec,
      ModelArchive files,
      WorkflowManifest manifest) {
    String modelName = workflow + "__" + name;
    Names.requireName(ErrorKind.INVALID_WORKFLOW, modelName);
    WorkflowSpec.ModelNode model = spec.models().get(name);
    if (model != null) {
      return new WorkflowNode(
          name, modelName, new WorkflowNode.Archive(model.url()), model.options());
    }
    String handler =
        manifest
            .handler()
            .filter(file -> Files.isRegularFile(files.directory().resolve(file)))
            .orElseThrow(() -> noFunction(name, manifest.handler()));
    return new WorkflowNode(
        name,
        modelName,
        new WorkflowNode.Function(files.directory().toString(), handler + ":" + name),
        ofFunction(spec.defaults()));
  }

  /** A function has one worker and no batches; how long and how often it is tried may be said. */
  private static WorkflowSpec.Options ofFunction(WorkflowSpec.Options defaults) {
    return new WorkflowSpec.Options(
        1, 1, 1, Duration.ZERO, defaults.retryAttempts(), defaults.timeout());
  }

  private static ServingException noFunction(String node, Optional<String> handler) {
    return new ServingException(
        ErrorKind.INVALID_WORKFLOW,
        "The node "
            + node
            + " is not in models, so it has to be a function of the handler file, but "
            + handler
                .map(file -> "the archive has no file " + file)
                .orElse("the manifest names none")
            + ". Pack it with --handler, or add the node to models.");
  }
}
