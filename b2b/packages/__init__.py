"""What enterprises can buy: health packages with their units, price and dates. 健康套餐"""

from b2b.packages.errors import PackageNotOnSale
from b2b.packages.models import Package
from b2b.packages.queries import package_on_sale

__all__ = ["Package", "PackageNotOnSale", "package_on_sale"]
