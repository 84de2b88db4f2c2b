"""As in the MNIST example of TorchServe: an image classifier with its own transform and answer."""

from torch.profiler import ProfilerActivity
from torchvision import transforms
from ts.torch_handler.image_classifier import ImageClassifier


class MNISTDigitClassifier(ImageClassifier):
    """Answers the digit, alone."""

    image_processing = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    )

    def __init__(self):
        super(MNISTDigitClassifier, self).__init__()  # noqa: UP008 - as it is often written
        self.profiler_args = {"activities": [ProfilerActivity.CPU], "record_shapes": True}

    def postprocess(self, data):
        """Return the most probable digits."""
        return data.argmax(1).tolist()

    def describe_handle(self):
        """Describe the classes."""
        return {"classes": [str(digit) for digit in range(10)]}
