"""Writes truth.json: losses and their gradients by PyTorch in float64. Run: python make.py"""
import json, torch
import torch.nn.functional as F

torch.set_num_threads(1)


def soft_dice(p, t):
    """Over the whole batch, mean over the labels."""
    both = (p * t).flatten(2).sum((0, 2))[1:]
    all_ = (p + t).flatten(2).sum((0, 2))[1:]
    return (1 - 2 * both / all_).mean()


def macro_dice(p, t):
    both, all_ = (p * t).flatten(2).sum(2), (p * p + t * t).flatten(2).sum(2)
    return (1 - 2 * both / (all_ + 1e-7)).mean()


def matthews(p, t):
    p, t = p.flatten(2)[:, 1:], t.flatten(2)[:, 1:]
    tp, tn = (p * t).sum(2), ((1 - p) * (1 - t)).sum(2)
    fp, fn = (p * (1 - t)).sum(2), ((1 - p) * t).sum(2)
    return (1 - (tp * tn - fp * fn) / torch.sqrt((tp + fp) * (tp + fn) * (fp + tn) * (tn + fn) + 1e-7)).mean()


def case(name, batch, classes, size):
    count = batch * size[0] * size[1] * size[2]
    index = torch.arange(count * classes, dtype=torch.int64)
    logits = (((index * 37 + 11) % 101).double() / 20 - 2.5).reshape(batch, *size, classes).requires_grad_()
    target = ((torch.arange(count) * 7 + torch.arange(count) ** 2) % 11 % classes).reshape(batch, *size)
    z = logits.permute(0, 4, 1, 2, 3)
    p, t = torch.softmax(z, 1), F.one_hot(target, classes).permute(0, 4, 1, 2, 3).double()
    loss = {
        "dice_cross_entropy": lambda: soft_dice(p, t) + F.cross_entropy(z, target),
        "cross_entropy": lambda: F.cross_entropy(z, target),
        "macro_dice": lambda: macro_dice(p, t),
        "matthews": lambda: matthews(p, t),
    }[name]()
    loss.backward()
    return {"loss": name, "batch": batch, "classes": classes, "size": size, "value": float(loss),
            "gradient": [float(f"{g:.15e}") for g in logits.grad.reshape(-1).tolist()]}


cases = [case(name, *shape) for name in ("dice_cross_entropy", "cross_entropy", "macro_dice", "matthews")
         for shape in ((1, 2, (2, 3, 5)), (2, 3, (3, 2, 4)))]
with open("truth.json", "w") as file:
    json.dump({"torch": torch.__version__, "cases": cases}, file, separators=(",", ":"))
